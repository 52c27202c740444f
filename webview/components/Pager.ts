import type { TablePage } from '../../src/protocol/pages';
import { element } from '../dom';
import type { Language } from '../Language';
import { pageOf, rowOf, turn } from '../pager';
import { button } from './parts';

/** Where a pager leads: the page's first row and column, and the row to focus on it, if any. */
export interface Destination {
  readonly from: number;
  readonly fromColumn: number;
  readonly row?: number;
}

const steps = ['first', 'previous', 'next', 'last'] as const;
type Step = (typeof steps)[number];

/** Columns of a page; a decoder gives no more at once. */
const pageColumns = 200;

/** First, previous, next and last page, go to a row, and for wide tables the columns beyond. */
export class Pager {
  readonly element: HTMLElement;
  readonly #language: Language;
  readonly #turns: Record<Step, HTMLElement>;
  readonly #rows = element('span', { class: 'span' });
  readonly #columns = element('span', { class: 'group' });
  readonly #go: (to: Destination) => void;
  #page: TablePage | undefined;

  constructor(language: Language, go: (to: Destination) => void) {
    this.#language = language;
    this.#go = go;
    const { words } = language;
    const turnButton = (step: Step, label: string, icon: string): HTMLElement =>
      button({
        label,
        icon,
        appearance: 'icon',
        onPress: () => {
          this.#turn(step);
        },
      });
    this.#turns = {
      first: turnButton('first', words.firstPage, 'chevron-left chevron-left'),
      previous: turnButton('previous', words.previousPage, 'chevron-left'),
      next: turnButton('next', words.nextPage, 'chevron-right'),
      last: turnButton('last', words.lastPage, 'chevron-right chevron-right'),
    };
    // The toolkit calls a field by its text alone: it puts an `aria-label` of its own over one that is set.
    const field = element(
      'vscode-text-field',
      { size: '9', placeholder: words.goToRow },
      words.goToRow,
    );
    field.addEventListener('keydown', (event: KeyboardEvent) => {
      if (event.key === 'Enter') this.#goToRow(field);
    });
    const { first, previous, next, last } = this.#turns;
    this.element = element(
      'nav',
      { class: 'pager', 'aria-label': words.pages },
      element('span', { class: 'group' }, first, previous, this.#rows, next, last),
      field,
      this.#columns,
    );
  }

  update(page: TablePage): void {
    this.#page = page;
    const language = this.#language;
    this.#rows.textContent = spanOfRows(page, language);
    for (const step of steps) {
      this.#able(this.#turns[step], turn(page, step) !== page.from);
    }
    this.#columns.hidden = page.totalColumns <= page.columns.length;
    if (this.#columns.hidden) return;
    const columnButton = (label: string, icon: string, fromColumn: number): HTMLElement => {
      const made = button({
        label,
        icon,
        appearance: 'icon',
        onPress: () => {
          this.#go({ from: page.from, fromColumn });
        },
      });
      made.toggleAttribute('disabled', fromColumn < 0 || fromColumn >= page.totalColumns);
      return made;
    };
    const { fromColumn, totalColumns } = page;
    const last = fromColumn + page.columns.length;
    this.#columns.replaceChildren(
      columnButton(language.words.previousColumns, 'arrow-left', fromColumn - pageColumns),
      element('span', {}, language.say('columnsShown', fromColumn + 1, last, totalColumns)),
      columnButton(language.words.nextColumns, 'arrow-right', fromColumn + pageColumns),
    );
  }

  /** A button that can no longer be used gives the focus to one that can, and not to nothing. */
  #able(turnButton: HTMLElement, able: boolean): void {
    const focused = document.activeElement === turnButton;
    turnButton.toggleAttribute('disabled', !able);
    if (!focused || able) return;
    const { first, previous, next } = this.#turns;
    const other = turnButton === first || turnButton === previous ? next : previous;
    // The toolkit enables a button's inner one in its own time, before the next frame.
    requestAnimationFrame(() => {
      other.focus();
    });
  }

  #turn(step: Step): void {
    const page = this.#page;
    if (page !== undefined) this.#go({ from: turn(page, step), fromColumn: page.fromColumn });
  }

  #goToRow(field: HTMLElement): void {
    const page = this.#page;
    if (page === undefined || !('value' in field)) return;
    const row = rowOf(String(field.value), page.total);
    field.classList.toggle('invalid', row === undefined);
    if (row !== undefined) this.#go({ from: pageOf(row), fromColumn: page.fromColumn, row });
  }
}

/** @returns `Rows 1–200 of 1,797` */
export function spanOfRows(page: TablePage, language: Language): string {
  if (page.rows.length === 0) return language.words.noRows;
  return language.say('rowsShown', page.from + 1, page.from + page.rows.length, page.total);
}
