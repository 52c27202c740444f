import type { EntryView, Fate, Problem } from '../src/protocol/preview';
import { Header } from './components/Header';
import { button } from './components/parts';
import { banner, problemCard } from './components/Problems';
import { Values } from './components/Values';
import { ValueView } from './components/ValueView';
import type { Surroundings } from './components/ValueView';
import type { Connection } from './Connection';
import { element } from './dom';
import type { Language } from './Language';
import { bookmarkOf, readState } from './state';
import type { State } from './state';

/** The page: the entry's head, what happened to it, and its values. */
export class Preview {
  readonly #connection: Connection;
  readonly #language: Language;
  readonly #banners = element('div', { class: 'banners' });
  readonly #header: Header;
  readonly #values: Values;
  readonly #views = new Map<string, ValueView>();
  readonly #live = element('div', { class: 'heard', role: 'status', 'aria-live': 'polite' });
  readonly #main: HTMLElement;
  readonly #body: HTMLElement;
  #state: State;
  #entry: EntryView | undefined;
  /** What the banners say. */
  #told = '';

  constructor(body: HTMLElement, connection: Connection, language: Language) {
    this.#body = body;
    this.#connection = connection;
    this.#language = language;
    this.#state = readState(connection.vscode.getState());
    this.#header = new Header(
      language,
      (command) => {
        connection.command(command);
      },
      {
        open: this.#state.aboutOpen,
        onToggle: (aboutOpen) => {
          this.#remember({ aboutOpen });
        },
      },
    );
    this.#values = new Values(
      language,
      (key) => this.#viewOf(key).element,
      (key) => {
        this.#onSelect(key);
      },
    );
    this.#main = element('main', {}, this.#values.element);
    document.documentElement.lang = language.locale;
  }

  update(entry: EntryView): void {
    this.#entry = entry;
    this.#remember(bookmarkOf(entry));
    this.#header.update(entry);
    this.#showBanners(entry);
    this.#values.update(entry.values);
    for (const { key, check } of entry.values) this.#views.get(key)?.update(check);
    if (this.#main.isConnected) return;
    this.#body.replaceChildren(this.#header.element, this.#banners, this.#main, this.#live);
    if (entry.values.length === 0) {
      this.#main.replaceChildren(element('p', { class: 'note' }, this.#language.words.empty));
    } else {
      this.#values.select(this.#state.key ?? entry.values[0]?.key ?? '');
    }
  }

  select(key: string): void {
    if (this.#entry === undefined) this.#state = { ...this.#state, key };
    else this.#values.select(key);
  }

  unavailable(problem: Problem): void {
    this.#body.replaceChildren(problemCard(problem), this.#live);
  }

  #onSelect(key: string): void {
    for (const [other, view] of this.#views) if (other !== key) view.leave();
    const view = this.#viewOf(key);
    const from = view.firstRow ?? (this.#state.key === key ? this.#state.from : 0);
    this.#remember({ key, from });
    void view.open(from);
  }

  #viewOf(key: string): ValueView {
    let view = this.#views.get(key);
    if (view === undefined) {
      view = new ValueView(key, this.#surroundings());
      this.#views.set(key, view);
      const check = this.#entry?.values.find((value) => value.key === key)?.check;
      if (check !== undefined) view.update(check);
    }
    return view;
  }

  #surroundings(): Surroundings {
    return {
      language: this.#language,
      page: (wanted, signal) => this.#connection.page(wanted, signal),
      command: (command) => {
        this.#connection.command(command);
      },
      announce: (text) => {
        this.#live.textContent = text;
      },
      remember: (from) => {
        this.#remember({ from });
      },
    };
  }

  #showBanners({ fate, values }: EntryView): void {
    const shown = this.#fateBanner(fate);
    for (const { name, check } of values) {
      if (check.kind !== 'damaged') continue;
      const { message, wayOut } = check.problem;
      shown.push(banner('error', `${name}: ${message} ${wayOut}`));
    }
    const told = shown.map(({ textContent }) => textContent).join('\n');
    // What stands there already is not said again.
    if (told !== this.#told) this.#banners.replaceChildren(...shown);
    this.#told = told;
  }

  #fateBanner(fate: Fate): HTMLElement[] {
    const { words } = this.#language;
    const showNewer = (): HTMLElement =>
      button({
        label: words.showNewer,
        onPress: () => {
          this.#connection.command('showNewer');
        },
      });
    switch (fate.kind) {
      case 'present':
        return [];
      case 'cleared':
        return [
          banner('warning', words.cleared),
          ...(fate.newer ? [banner('info', words.newer, showNewer())] : []),
        ];
      case 'outdone':
        return [banner('info', words.newer, showNewer())];
    }
  }

  #remember(part: Partial<State>): void {
    this.#state = { ...this.#state, ...part };
    this.#connection.vscode.setState(this.#state);
  }
}
