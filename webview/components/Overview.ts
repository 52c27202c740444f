import type {
  Bar,
  OverviewCommand,
  OverviewView,
  Room,
  Saver,
  Tile,
} from '../../src/protocol/overview';
import { element, icon } from '../dom';
import { button } from './parts';

/** What the caches take, save and give up. All of it is drawn anew: it changes once in a while. */
export class Overview {
  /** Notebooks whose cells are shown, by name. */
  readonly #open = new Set<string>();

  constructor(
    private readonly parent: HTMLElement,
    private readonly command: (command: OverviewCommand) => void,
  ) {}

  update(view: OverviewView): void {
    const { words } = view;
    const focused = document.activeElement?.getAttribute('data-command');
    const parts =
      view.empty !== undefined
        ? [element('p', { class: 'empty' }, view.empty)]
        : [
            section('saved', undefined, tiles(view.tiles)),
            section('days', words.days, bars(view.bars, words.noDays)),
            section('disk', words.disk, ...view.rooms.map((room) => roomElement(room, view))),
            section('savers', words.savers, this.#savers(view)),
          ];
    this.parent.replaceChildren(
      element(
        'header',
        {},
        element('h1', {}, words.title),
        element('div', { class: 'actions' }, ...this.#actions(view)),
      ),
      ...(view.restricted === undefined
        ? []
        : [element('p', { class: 'note' }, icon('info'), view.restricted)]),
      ...view.problems.map((problem) =>
        element('p', { class: 'note problem', role: 'alert' }, icon('error'), problem),
      ),
      element('main', {}, ...parts),
    );
    if (focused) {
      this.parent.querySelector<HTMLElement>(`[data-command="${focused}"]`)?.focus();
    }
  }

  #actions({ words, empty, restricted }: OverviewView): HTMLElement[] {
    const action = (label: string, iconName: string, command: OverviewCommand) => {
      const made = button({
        label,
        icon: iconName,
        onPress: () => {
          this.command(command);
        },
      });
      made.setAttribute('data-command', command);
      return made;
    };
    const prune = action(words.prune, 'trash', 'prune');
    const settings = action(words.settings, 'settings-gear', 'settings');
    for (const changing of [prune, settings]) {
      changing.toggleAttribute('disabled', restricted !== undefined || empty !== undefined);
    }
    return [prune, settings, action(words.refresh, 'refresh', 'refresh')];
  }

  #savers({ savers, words, money }: OverviewView): HTMLElement {
    if (savers.length === 0) return element('p', { class: 'quiet' }, words.noSavers);
    const head = [words.notebook, words.time, ...(money ? [words.amount] : []), words.hits];
    const row = (saver: Saver, name: Node | string) =>
      element(
        'tr',
        {},
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
        const cells = notebook.cells.map((cell) => row(cell, cell.name));
        const open = this.#open.has(notebook.name);
        const toggle = element(
          'button',
          { class: 'toggle', 'aria-expanded': String(open) },
          icon(open ? 'chevron-down' : 'chevron-right'),
          notebook.name,
        );
        const show = (shown: boolean) => {
          for (const cell of cells) {
            cell.hidden = !shown;
            cell.className = 'cell';
          }
        };
        toggle.addEventListener('click', () => {
          const shown = !this.#open.has(notebook.name);
          if (shown) this.#open.add(notebook.name);
          else this.#open.delete(notebook.name);
          toggle.setAttribute('aria-expanded', String(shown));
          toggle.firstElementChild?.replaceWith(icon(shown ? 'chevron-down' : 'chevron-right'));
          show(shown);
        });
        show(open);
        return element('tbody', {}, row(notebook, toggle), ...cells);
      }),
    );
  }
}

let sections = 0;

function section(name: string, title: string | undefined, ...children: Node[]): HTMLElement {
  if (title === undefined) return element('section', { class: name }, ...children);
  const id = `section-${(sections += 1)}`;
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
    { class: 'room' },
    element('div', { class: 'of' }, element('h3', {}, name), element('span', {}, text)),
    ...meter,
    ...lines.map((line) => element('p', {}, line)),
    element('h4', {}, words.cleanings),
    ...told,
  );
}
