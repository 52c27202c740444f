import type {
  Bar,
  OverviewCommand,
  OverviewView,
  Room,
  Saver,
  Tile,
} from '../../src/protocol/overview';
import { element, icon } from '../dom';
import { reconcile } from '../reconcile';
import { button } from './parts';

/**
 * What the caches take, save and give up. It may change while somebody uses it: what is there stays, as
 * it is and where it is under the pointer, and is told anew.
 */
export class Overview {
  /** Notebooks whose cells are shown, by name. */
  readonly #open = new Set<string>();
  readonly #title = element('h1');
  readonly #actions = element('div', { class: 'actions' });
  readonly #notes = element('div');
  readonly #main = element('main');
  #view: OverviewView | undefined;

  constructor(
    parent: HTMLElement,
    private readonly command: (command: OverviewCommand) => void,
  ) {
    parent.replaceChildren(
      element('header', {}, this.#title, this.#actions),
      this.#notes,
      this.#main,
    );
  }

  update(view: OverviewView): void {
    // Its words stand still.
    if (this.#view === undefined) this.#begin(view);
    this.#view = view;
    const { words } = view;
    for (const changing of this.#actions.querySelectorAll('[data-changes]')) {
      const isOff = view.restricted !== undefined || view.empty !== undefined;
      changing.toggleAttribute('disabled', isOff);
    }
    const parts =
      view.empty !== undefined
        ? [element('p', { class: 'empty' }, view.empty)]
        : [
            section('saved', undefined, tiles(view.tiles)),
            section('days', words.days, bars(view.bars, words.noDays)),
            section('disk', words.disk, ...view.rooms.map((room) => roomElement(room, view))),
            section('savers', words.savers, this.#savers(view)),
          ];
    const notes = [
      ...(view.restricted === undefined
        ? []
        : [element('p', { class: 'note' }, icon('info'), view.restricted)]),
      ...view.problems.map((problem) =>
        // By its text: only one that is new is read out.
        element(
          'p',
          { class: 'note problem', role: 'alert', 'data-key': problem },
          icon('error'),
          problem,
        ),
      ),
    ];
    inPlace(() => {
      reconcile(this.#notes, notes);
      reconcile(this.#main, parts);
    });
  }

  #begin({ words }: OverviewView): void {
    this.#title.textContent = words.title;
    const action = (label: string, iconName: string, command: OverviewCommand) => {
      const made = button({
        label,
        icon: iconName,
        onPress: () => {
          this.command(command);
        },
      });
      made.toggleAttribute('data-changes', command !== 'refresh');
      return made;
    };
    this.#actions.append(
      action(words.prune, 'trash', 'prune'),
      action(words.settings, 'settings-gear', 'settings'),
      action(words.refresh, 'refresh', 'refresh'),
    );
  }

  #toggle(notebook: string): void {
    if (!this.#open.delete(notebook)) this.#open.add(notebook);
    if (this.#view !== undefined) this.update(this.#view);
  }

  #savers({ savers, words, money }: OverviewView): HTMLElement {
    if (savers.length === 0) return element('p', { class: 'quiet' }, words.noSavers);
    const head = [words.notebook, words.time, ...(money ? [words.amount] : []), words.hits];
    const row = (saver: Saver, name: Node | string, attributes = {}) =>
      element(
        'tr',
        attributes,
        element('th', { scope: 'row' }, name),
        element('td', {}, saver.time),
        ...(money ? [element('td', {}, saver.amount)] : []),
        element('td', {}, saver.hits),
      );
    return element(
      'table',
      {},
      element(
        'thead',
        {},
        element('tr', {}, ...head.map((word) => element('th', { scope: 'col' }, word))),
      ),
      ...savers.map((notebook) => {
        const open = this.#open.has(notebook.name);
        const toggle = element(
          'button',
          { class: 'toggle', 'aria-expanded': String(open) },
          icon(open ? 'chevron-down' : 'chevron-right'),
          notebook.name,
        );
        toggle.addEventListener('click', () => {
          this.#toggle(notebook.name);
        });
        const cells = open
          ? notebook.cells.map((cell) => row(cell, cell.name, { class: 'cell' }))
          : [];
        return element('tbody', { 'data-key': notebook.name }, row(notebook, toggle), ...cells);
      }),
    );
  }
}

/** Changes the page so that what the pointer is on, or else the keyboard, does not move under it. */
function inPlace(change: () => void): void {
  const held =
    document.querySelector('button:hover, vscode-button:hover') ??
    document.activeElement?.closest('button, vscode-button');
  const before = held?.getBoundingClientRect();
  change();
  if (!held?.isConnected || before === undefined) return;
  const isSeen = before.bottom > 0 && before.top < window.innerHeight;
  if (isSeen) window.scrollBy(0, held.getBoundingClientRect().top - before.top);
}

function section(name: string, title: string | undefined, ...children: Node[]): HTMLElement {
  if (title === undefined) return element('section', { class: name }, ...children);
  const id = `section-${name}`;
  return element(
    'section',
    { class: name, 'aria-labelledby': id },
    element('h2', { id }, title),
    ...children,
  );
}

function tiles(all: readonly Tile[]): HTMLElement {
  return element(
    'dl',
    { class: 'tiles' },
    ...all.map(({ label, value, detail }) =>
      element(
        'div',
        { class: 'tile' },
        element('dt', {}, label),
        element('dd', { class: 'value' }, value),
        ...(detail === undefined ? [] : [element('dd', { class: 'quiet' }, detail)]),
      ),
    ),
  );
}

function bars(all: readonly Bar[], none: string): HTMLElement {
  if (all.length === 0) return element('p', { class: 'quiet' }, none);
  return element(
    'ul',
    { class: 'bars' },
    ...all.map(({ label, text, share }) => {
      const bar = element('span', { class: 'bar', 'aria-hidden': 'true' });
      // A day that saved little is still seen to have saved something.
      bar.style.height = share > 0 ? `max(2px, ${100 * share}%)` : '0';
      return element(
        'li',
        { title: `${label}: ${text}` },
        element('span', { class: 'column', 'aria-hidden': 'true' }, bar),
        element('span', { class: 'day' }, label),
        element('span', { class: 'heard' }, `: ${text}`),
      );
    }),
  );
}

function roomElement({ name, text, share, over, lines, cleanings }: Room, { words }: OverviewView) {
  const percent = share === undefined ? undefined : Math.round(100 * share);
  const meter: HTMLElement[] = [];
  if (percent !== undefined) {
    const fill = element('span', { class: over ? 'fill over' : 'fill' });
    fill.style.width = `${percent}%`;
    meter.push(
      element(
        'div',
        {
          class: 'meter',
          role: 'meter',
          'aria-label': `${words.disk}: ${name}`,
          'aria-valuemin': '0',
          'aria-valuemax': '100',
          'aria-valuenow': String(percent),
          'aria-valuetext': text,
        },
        fill,
      ),
    );
  }
  const told =
    cleanings.length === 0
      ? [element('p', { class: 'quiet' }, words.noCleanings)]
      : [element('ul', {}, ...cleanings.map((line) => element('li', {}, line)))];
  return element(
    'article',
    { class: 'room', 'data-key': name },
    element('div', { class: 'of' }, element('h3', {}, name), element('span', {}, text)),
    ...meter,
    ...lines.map((line) => element('p', {}, line)),
    element('h4', {}, words.cleanings),
    ...told,
  );
}
