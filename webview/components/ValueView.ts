import type { Page } from '../../src/protocol/pages';
import type { Check, Command, Problem, WantedPage } from '../../src/protocol/preview';
import { Cancelled, Refused } from '../Connection';
import { element } from '../dom';
import type { Language } from '../Language';
import { Pager, spanOfRows } from './Pager';
import type { Destination } from './Pager';
import { badge, button, progressRing } from './parts';
import { arrayPage, bytesPage, costlyPage, picklePage, randomPage } from './plainPages';
import { problemCard } from './Problems';
import { TableView } from './TableView';
import { TreeView } from './TreeView';
import { pageRows } from '../pager';

/** What a value's view needs from the page around it. */
export interface Surroundings {
  readonly language: Language;
  page(wanted: WantedPage, signal: AbortSignal): Promise<Page>;
  command(command: Command): void;
  /** Tells those who do not see the page. */
  announce(text: string): void;
  /** Where in its tables the user is, for the next time the page is made. */
  remember(from: number): void;
}

/** Reading that takes less is not announced: a ring that flashes by says nothing. */
const patienceMs = 150;

/** One value: what it is, whether its bytes are right, a page of it, and the way through its pages. */
export class ValueView {
  readonly element: HTMLElement;
  readonly #key: string;
  readonly #around: Surroundings;
  readonly #what = element('span', { class: 'what' });
  readonly #check = element('span', { class: 'check' });
  readonly #progress: HTMLElement;
  readonly #body = element('div', { class: 'body' });
  readonly #table: TableView;
  readonly #pager: Pager;
  #allowCostly = false;
  #asked: AbortController | undefined;
  #shown: Page | undefined;

  constructor(key: string, around: Surroundings) {
    this.#key = key;
    this.#around = around;
    const { language } = around;
    this.#table = new TableView(language);
    this.#pager = new Pager(language, (to) => void this.#goTo(to));
    this.#pager.element.hidden = true;
    this.#progress = element(
      'span',
      { class: 'progress' },
      progressRing(),
      element('span', {}, language.words.reading),
      button({ label: language.words.cancel, onPress: () => this.#asked?.abort() }),
    );
    this.#progress.hidden = true;
    this.element = element(
      'section',
      { class: 'value-view' },
      element('div', { class: 'bar' }, this.#what, this.#check, this.#progress),
      this.#body,
      this.#pager.element,
    );
  }

  /** The first row of what is shown, counted from 0; `undefined` where no table is. */
  get firstRow(): number | undefined {
    return this.#shown?.kind === 'table' ? this.#shown.from : undefined;
  }

  /** Reads the value when it is shown for the first time, or when reading failed before. */
  async open(from: number): Promise<void> {
    if (this.#shown === undefined && this.#asked === undefined) {
      await this.#goTo({ from, fromColumn: 0 });
    }
  }

  /** Nobody looks any more: what is being read for it can stop. */
  leave(): void {
    this.#asked?.abort();
  }

  update(check: Check): void {
    this.#check.replaceChildren(...checkBadge(check, this.#around.language));
  }

  async #goTo(to: Destination): Promise<void> {
    const { language } = this.#around;
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    this.element.setAttribute('aria-busy', 'true');
    const patience = setTimeout(() => {
      this.#progress.hidden = false;
      this.#around.announce(language.words.reading);
    }, patienceMs);
    try {
      const { from, fromColumn } = to;
      const wanted = { key: this.#key, from, count: pageRows, fromColumn };
      const page = await this.#around.page(
        { ...wanted, allowCostly: this.#allowCostly },
        asked.signal,
      );
      this.#show(page, to);
    } catch (error) {
      // A request that a later one took the place of leaves the page to that one.
      if (this.#asked !== asked) return;
      if (error instanceof Cancelled) this.#showCancelled(to);
      else if (error instanceof Refused) this.#showProblem(error.problem, to);
      else throw error;
    } finally {
      clearTimeout(patience);
      if (this.#asked === asked) {
        this.#asked = undefined;
        this.#progress.hidden = true;
        this.element.removeAttribute('aria-busy');
      }
    }
  }

  #show(page: Page, to: Destination): void {
    const { language } = this.#around;
    this.#shown = page;
    this.#pager.element.hidden = page.kind !== 'table';
    this.#what.textContent = '';
    switch (page.kind) {
      case 'table':
        this.#table.show(page);
        this.#pager.update(page);
        this.#what.textContent = language.say(
          'tableSize',
          rows(page.total, language),
          columns(page.totalColumns, language),
        );
        this.#fill(this.#table.element);
        this.#around.announce(spanOfRows(page, language));
        this.#around.remember(page.from);
        if (to.row !== undefined) this.#table.reveal(to.row);
        return;
      case 'tree':
        this.#fill(
          new TreeView(page.root, language.words.json).element,
          ...(page.incomplete === undefined
            ? []
            : [element('p', { class: 'note' }, page.incomplete)]),
        );
        return;
      case 'array':
        this.#fill(arrayPage(page, language));
        return;
      case 'pickle':
        this.#fill(picklePage(page, language));
        return;
      case 'bytes':
        this.#fill(bytesPage(page, language));
        return;
      case 'random':
        this.#fill(randomPage(page, language));
        return;
      case 'costly':
        this.#what.textContent = rows(page.total, language);
        this.#fill(
          costlyPage(page, language, () => {
            this.#allowCostly = true;
            void this.#goTo(to);
          }),
        );
        return;
      default:
        page satisfies never;
    }
  }

  /** What was shown before stays; only where there is nothing yet is there a way to begin again. */
  #showCancelled(to: Destination): void {
    const { language } = this.#around;
    this.#around.announce(language.words.cancelled);
    if (this.#shown?.kind === 'costly') this.#allowCostly = false;
    if (this.#shown !== undefined) return;
    this.#fill(
      element('p', { class: 'note' }, language.words.cancelled),
      element('p', { class: 'note' }, this.#retry(to)),
    );
  }

  #showProblem(problem: Problem, to: Destination): void {
    const { language } = this.#around;
    this.#shown = undefined;
    this.#pager.element.hidden = true;
    this.#what.textContent = '';
    const log = button({
      label: language.words.showLog,
      icon: 'output',
      onPress: () => {
        this.#around.command('showLog');
      },
    });
    this.#fill(problemCard(problem, this.#retry(to), log));
  }

  #retry(to: Destination): HTMLElement {
    const { retry } = this.#around.language.words;
    return button({ label: retry, icon: 'refresh', onPress: () => void this.#goTo(to) });
  }

  #fill(...content: HTMLElement[]): void {
    if (content.length === 1 && content[0] === this.#body.firstElementChild) return;
    this.#body.replaceChildren(...content);
    // Tables and trees take the focus themselves. What is only read is scrolled as a whole.
    const isRead = content.some(({ classList }) => classList.contains('plain'));
    const scrolled = {
      tabindex: '0',
      role: 'region',
      'aria-label': this.#around.language.words.values,
    };
    for (const [name, value] of Object.entries(scrolled)) {
      if (isRead) this.#body.setAttribute(name, value);
      else this.#body.removeAttribute(name);
    }
  }
}

function rows(count: number, language: Language): string {
  return count === 1 ? language.words.oneRow : language.say('rowsInAll', count);
}

function columns(count: number, language: Language): string {
  return count === 1 ? language.words.oneColumn : language.say('columnsInAll', count);
}

function checkBadge(check: Check, { words }: Language): HTMLElement[] {
  switch (check.kind) {
    case 'unread':
      return [];
    case 'checking':
      return [badge(words.unverified, words.checking, 'sync')];
    case 'unverified':
      return [badge(words.unverified, words.unverifiedExplanation, 'unverified')];
    case 'verified':
      return [badge(words.verified, words.verifiedExplanation, 'verified')];
    case 'damaged':
      return [badge(words.damaged, check.problem.message, 'error')];
  }
}
