import type { Column, TablePage } from '../../src/protocol/pages';
import { cellWidth, columnWidth, mayBeCut } from '../cellWidth';
import { element, icon } from '../dom';
import type { Language } from '../Language';

/** What is around a cell's text, its padding and border, and a pixel for what is lost in rounding. */
const around = '27px';

/**
 * A page of a table in the toolkit's grid. The grid and its rows are the toolkit's, which bring the
 * keyboard; the cells are plain elements with the roles that its rows look for: 200 rows of 65
 * columns appear in 0.3 s so, and in 1 s with an element of the toolkit's for each cell.
 */
export class TableView {
  readonly element = element('div', { class: 'table' });
  readonly #language: Language;
  /** By column name: a column never gets narrower while one pages through it. */
  readonly #widths = new Map<string, number>();
  #grid: HTMLElement | undefined;
  #from = 0;

  constructor(language: Language) {
    this.#language = language;
  }

  show(page: TablePage): void {
    const { words } = this.#language;
    this.#from = page.from;
    const left = this.#grid?.scrollLeft ?? 0;
    const grid = element('vscode-data-grid', {
      'generate-header': 'none',
      'aria-label': words.table,
      'aria-rowcount': String(page.total + 1),
      'aria-colcount': String(page.totalColumns + 1),
      'grid-template-columns': this.#template(page),
    });
    const row = (cells: HTMLElement[], number: number): HTMLElement =>
      element('vscode-data-grid-row', { 'aria-rowindex': String(number) }, ...cells);
    const header = row(
      [cornerCell(words.index), ...page.columns.map((each) => this.#headerCell(each))],
      1,
    );
    header.setAttribute('row-type', 'sticky-header');
    const rows = page.rows.map((texts, index) => {
      const number = page.from + index + 1;
      const cells = texts.map((text, at) => this.#cell(text, page.columns[at]));
      return row([this.#numberCell(number), ...cells], number + 1);
    });
    grid.append(header, ...rows);
    // The toolkit's rows learn which of their cells has the focus by this event.
    grid.addEventListener('focusin', ({ target }) => {
      if (target instanceof HTMLElement && target !== grid) {
        target.dispatchEvent(new CustomEvent('cell-focused', { bubbles: true }));
      }
    });
    // The grid's own Ctrl+End expects cells that it made itself.
    grid.addEventListener('keydown', onCorner, { capture: true });
    this.#grid = grid;
    this.element.replaceChildren(grid);
    if (page.rows.length === 0) {
      const why = page.totalColumns === 0 ? words.noColumns : words.noRows;
      this.element.append(element('p', { class: 'note' }, why));
    }
    grid.scrollLeft = left;
  }

  /** Brings a row of this page, counted from 0 in the table, to the middle and focuses it. */
  reveal(row: number): void {
    const cell = this.#grid?.children[row - this.#from + 1]?.firstElementChild;
    if (!(cell instanceof HTMLElement)) return;
    cell.scrollIntoView({ block: 'center', inline: 'nearest' });
    cell.focus();
  }

  #headerCell({ name, type, align, unreadable }: Column): HTMLElement {
    const cell = gridCell('columnheader', align);
    cell.append(element('span', { class: 'name' }, name), element('span', { class: 'type' }, type));
    cell.title = `${name}\n${type}`;
    if (unreadable !== undefined) {
      const reason = this.#language.say('unreadableColumn', unreadable);
      cell.title += `\n${reason}`;
      cell.setAttribute('aria-label', `${name}, ${type}. ${reason}`);
      cell.firstElementChild?.prepend(icon('warning'), ' ');
    }
    return cell;
  }

  #numberCell(number: number): HTMLElement {
    const cell = gridCell('rowheader', 'right');
    cell.classList.add('number');
    cell.append(this.#language.number(number));
    return cell;
  }

  #cell(text: string | null, column: Column | undefined): HTMLElement {
    const cell = gridCell('gridcell', column?.align ?? 'left');
    if (text === null) {
      cell.classList.add('null');
      cell.append('null');
      // The text "null" is heard as such.
      cell.setAttribute('aria-label', `null, ${this.#language.words.noValue}`);
      cell.title = this.#language.words.noValue;
    } else {
      cell.append(text);
      if (mayBeCut(text)) cell.title = text;
    }
    return cell;
  }

  #template(page: TablePage): string {
    const columns = page.columns.map((column, at) => {
      const texts = page.rows.map((row) => cellWidth(row[at] ?? 'null'));
      const head = [cellWidth(column.name) + 1, cellWidth(column.type)];
      const key = `${page.fromColumn + at}/${column.name}`;
      const width = columnWidth([...head, ...texts, this.#widths.get(key) ?? 0]);
      this.#widths.set(key, width);
      return `calc(${width}ch + ${around})`;
    });
    const digits = this.#language.number(page.total).length;
    return [`calc(${Math.max(3, digits)}ch + ${around})`, ...columns, '1fr'].join(' ');
  }
}

function gridCell(role: string, align: 'left' | 'right'): HTMLElement {
  return element('div', { role, class: `cell ${align}`, tabindex: '-1' });
}

function cornerCell(label: string): HTMLElement {
  const cell = gridCell('columnheader', 'right');
  cell.classList.add('number');
  cell.append(element('span', { class: 'heard' }, label));
  return cell;
}

function onCorner(event: KeyboardEvent): void {
  if (!event.ctrlKey || (event.key !== 'Home' && event.key !== 'End')) return;
  const grid = event.currentTarget;
  if (!(grid instanceof HTMLElement)) return;
  const row = event.key === 'Home' ? grid.firstElementChild : grid.lastElementChild;
  const cell = event.key === 'Home' ? row?.firstElementChild : row?.lastElementChild;
  if (!(cell instanceof HTMLElement)) return;
  cell.focus();
  event.preventDefault();
  event.stopPropagation();
}
