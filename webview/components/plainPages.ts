/** The pages that are neither table nor tree: each is a few facts and a list. */
import type {
  ArrayPage,
  BytesPage,
  CostlyPage,
  PicklePage,
  RandomPage,
} from '../../src/protocol/pages';
import { element, icon } from '../dom';
import type { Language } from '../Language';
import { button } from './parts';
import { TreeView } from './TreeView';

/** A numpy array: what it is, and its first values, a line for each innermost row. */
export function arrayPage(page: ArrayPage, language: Language): HTMLElement {
  const { words } = language;
  const made = element('div', { class: 'plain' }, facts(arrayFacts(page, language)));
  if (page.unreadable !== undefined) return withNote(made, page.unreadable);
  if (page.rows.length === 0) return withNote(made, words.noValues);
  const table = element('table', { class: 'values', 'aria-label': words.firstValues });
  for (const [at, values] of page.rows.entries()) {
    const label = page.labels[at] ?? '';
    const line = element('tr', {}, element('th', { scope: 'row' }, label && `[${label}]`));
    line.append(...values.map((value) => element('td', {}, value)));
    table.append(line);
  }
  made.append(element('h2', {}, words.firstValues), table);
  return page.truncated ? withNote(made, words.more) : made;
}

function arrayFacts(page: ArrayPage, { words }: Language): [string, string][] {
  const shape = page.shape.map((length) => String(length)).join(' × ');
  return [
    [words.arrayShape, page.shape.length === 0 ? words.scalar : shape],
    [words.arrayType, page.dtype],
    ...(page.fortranOrder ? [[words.arrayOrder, words.fortranOrder] as [string, string]] : []),
  ];
}

/** A pickle: what it holds, its kind and size, and what loading it would bring in. It is not loaded. */
export function picklePage(page: PicklePage, language: Language): HTMLElement {
  const { words } = language;
  const lead = element(
    'div',
    { class: 'card' },
    icon('shield'),
    element('div', {}, element('p', {}, words.pickleNeverLoaded)),
  );
  const known: [string, string][] = [[words.size, language.bytes(page.size)]];
  if (page.protocol !== undefined) known.unshift([words.pickleProtocol, String(page.protocol)]);
  const made = element('div', { class: 'plain' });
  if (page.root !== undefined) made.append(new TreeView(page.root, words.pickleHolds).element);
  made.append(lead, facts(known), element('h2', {}, words.pickleRefersTo));
  made.append(
    page.refersTo.length > 0 ? codeList(page.refersTo) : element('p', {}, words.noReferences),
  );
  if (page.strings.length > 0) {
    made.append(element('h2', {}, words.pickleStrings), codeList(page.strings));
  }
  return page.incomplete === undefined ? made : withNote(made, page.incomplete);
}

/** Bytes of a kind that Cellar does not read, as a hex dump. */
export function bytesPage(page: BytesPage, language: Language): HTMLElement {
  const { words } = language;
  return element(
    'div',
    { class: 'plain' },
    facts([[words.size, language.bytes(page.size)]]),
    element('h2', {}, words.bytesHead),
    element('pre', { class: 'bytes' }, page.head.join('\n')),
  );
}

/** Where random numbers go on after a cell: with which generators, and when. */
export function randomPage({ generators }: RandomPage, language: Language): HTMLElement {
  const { words } = language;
  const owners = {
    python: words.randomOfPython,
    numpy: words.randomOfNumpy,
    notebook: words.randomOfNotebook,
  };
  const listed = generators.map(({ name, of, seeded }) =>
    element(
      'li',
      {},
      element('code', {}, name),
      ': ',
      language.say(seeded ? 'randomSeeded' : 'randomAsFound', owners[of]),
    ),
  );
  return element(
    'div',
    { class: 'plain' },
    element('p', {}, words.randomGoesOn),
    element('ul', { class: 'generators' }, ...listed),
  );
}

/** A table that costs much to show: what it costs, and the button that says yes. */
export function costlyPage(
  page: CostlyPage,
  language: Language,
  onAgreed: () => void,
): HTMLElement {
  const { words } = language;
  const size = language.say('costly', page.batchRows, language.bytes(page.batchSize), page.total);
  const show = button({
    label: words.showAnyway,
    icon: 'eye',
    appearance: 'primary',
    onPress: onAgreed,
  });
  const made = element(
    'div',
    { class: 'plain' },
    element(
      'div',
      { class: 'card' },
      icon('warning'),
      element('div', {}, element('p', {}, size), element('p', {}, show)),
    ),
  );
  if (page.columns.length > 0) {
    made.append(element('h2', {}, words.columns), columnList(page));
  }
  return made;
}

function columnList({ columns }: CostlyPage): HTMLElement {
  return facts(columns.map(({ name, type }) => [name, type]));
}

function facts(pairs: readonly (readonly [string, string])[]): HTMLElement {
  const all = pairs.map(([label, value]) =>
    element('div', {}, element('dt', {}, label), element('dd', { class: 'code' }, value)),
  );
  return element('dl', { class: 'facts' }, ...all);
}

function codeList(texts: readonly string[]): HTMLElement {
  return element(
    'ul',
    { class: 'codes' },
    ...texts.map((each) => element('li', {}, element('code', {}, each))),
  );
}

function withNote(made: HTMLElement, note: string): HTMLElement {
  made.append(element('p', { class: 'note' }, note));
  return made;
}
