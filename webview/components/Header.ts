import type { ArgumentView, Badge, Command, EntryView, Fact } from '../../src/protocol/preview';
import { element } from '../dom';
import type { Language } from '../Language';
import { badge, button } from './parts';

/** Characters from which on a fact takes the room of two: a hash, the versions. */
const wideFrom = 24;

/** Whose result this is, what is known of it, and what can be done with it. */
export class Header {
  readonly element: HTMLElement;
  readonly #title = element('h1');
  readonly #badges = element('span', { class: 'badges' });
  readonly #call: HTMLElement;
  readonly #arguments = element('dl');
  readonly #summary = element('p', { class: 'summary' });
  readonly #revealCell: HTMLElement;
  readonly #clearResult: HTMLElement;
  readonly #clearCell: HTMLElement;
  readonly #clearApp: HTMLElement;
  readonly #whyNot = element('p', { class: 'why-not' });
  readonly #manageTrust: HTMLElement;
  readonly #about: HTMLDetailsElement;
  readonly #facts = element('dl', { class: 'facts' });

  constructor(
    language: Language,
    command: (command: Command) => void,
    about: { readonly open: boolean; readonly onToggle: (open: boolean) => void },
  ) {
    const { words } = language;
    const action = (label: string, iconName: string, name: Command): HTMLElement =>
      button({
        label,
        icon: iconName,
        onPress: () => {
          command(name);
        },
      });
    this.#revealCell = action(words.revealCell, 'go-to-file', 'revealCell');
    this.#clearResult = action(words.clearResult, 'clear-all', 'clearResult');
    this.#clearCell = action(words.clearCell, 'clear-all', 'clearCell');
    this.#clearApp = action(words.clearApp, 'clear-all', 'clearApp');
    this.#manageTrust = button({
      label: words.manageTrust,
      onPress: () => {
        command('manageTrust');
      },
    });
    // It may be higher than there is room for: the keyboard scrolls it, too.
    this.#call = element(
      'section',
      { class: 'call', 'aria-label': words.calledWith, tabindex: '0' },
      this.#arguments,
    );
    this.#about = element('details', {}, element('summary', {}, words.about), this.#facts);
    this.#about.open = about.open;
    this.#about.addEventListener('toggle', () => {
      about.onToggle(this.#about.open);
    });
    this.element = element(
      'header',
      {},
      element(
        'div',
        { class: 'top' },
        element(
          'div',
          { class: 'who' },
          element('div', { class: 'name' }, this.#title, this.#badges),
          this.#summary,
        ),
        element(
          'div',
          { class: 'actions', role: 'toolbar', 'aria-label': words.actions },
          this.#revealCell,
          this.#clearResult,
          this.#clearCell,
          this.#clearApp,
        ),
      ),
      this.#call,
      this.#whyNot,
      this.#about,
    );
  }

  update({ title, call, summary, badges, facts, fate, clearing, revealing }: EntryView): void {
    this.#title.textContent = title;
    this.#title.title = title;
    this.#summary.textContent = summary;
    this.#call.hidden = call.length === 0;
    this.#arguments.replaceChildren(...call.flatMap(argumentElements));
    this.#badges.replaceChildren(
      ...badges.map((each: Badge) => badge(each.text, each.explanation)),
    );
    this.#facts.replaceChildren(...facts.map(factElement));
    // The badge says that the cell is gone.
    this.#revealCell.toggleAttribute('disabled', !revealing);
    // One of many: the cell's own result goes with the cell.
    this.#clearResult.hidden = call.length === 0;
    for (const clear of [this.#clearResult, this.#clearCell, this.#clearApp]) {
      clear.toggleAttribute('disabled', clearing.kind === 'restricted');
    }
    if (fate.kind === 'cleared') this.#clearResult.setAttribute('disabled', '');
    this.#whyNot.hidden = clearing.kind === 'allowed';
    if (clearing.kind === 'restricted') {
      this.#whyNot.replaceChildren(clearing.reason, this.#manageTrust);
    }
  }
}

function argumentElements({ name, text }: ArgumentView): HTMLElement[] {
  return [element('dt', {}, name), element('dd', {}, text)];
}

function factElement({ label, text, detail, code }: Fact): HTMLElement {
  const value = element('dd', code ? { class: 'code' } : {}, text);
  if (detail !== undefined) value.title = detail;
  return element(
    'div',
    text.length > wideFrom ? { class: 'wide' } : {},
    element('dt', {}, label),
    value,
  );
}
