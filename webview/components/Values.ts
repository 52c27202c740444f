import type { ValueView as ValueFacts } from '../../src/protocol/preview';
import { element } from '../dom';
import type { Language } from '../Language';

/** Makes what a tab shows; called once for each, when it is selected first. */
type Show = (key: string) => HTMLElement;

/** The entry's values as the toolkit's tabs: name, kind and size of each. */
export class Values {
  readonly element: HTMLElement;
  readonly #show: Show;
  readonly #onSelect: (key: string) => void;
  #keys: readonly string[] = [];
  #views: readonly HTMLElement[] = [];
  #tabs: readonly HTMLElement[] = [];

  constructor(language: Language, show: Show, onSelect: (key: string) => void) {
    this.#show = show;
    this.#onSelect = onSelect;
    // The toolkit's moving underline waits for a transition that reduced motion never starts; ours
    // is the tab's own border.
    this.element = element('vscode-panels', {
      activeindicator: 'false',
      'aria-label': language.words.values,
    });
    this.element.addEventListener('change', ({ target }) => {
      // Fields within a view change, too.
      if (target !== this.element) return;
      this.#select(this.#tabs.findIndex((tab) => tab.getAttribute('aria-selected') === 'true'));
    });
  }

  /** Values never change their keys while an entry lives: the tabs are made once. */
  update(values: readonly ValueFacts[]): void {
    const keys = values.map(({ key }) => key);
    if (keys.join('\n') === this.#keys.join('\n')) return;
    this.#keys = keys;
    this.#tabs = values.map(({ name, kind, size }, at) =>
      element(
        'vscode-panel-tab',
        { id: `value-${at}`, title: `${name}\n${kind}\n${size}` },
        element('span', { class: 'name' }, name),
        // The toolkit makes the tab's label of its text.
        ' ',
        element('span', { class: 'kind' }, `${kind}, ${size}`),
      ),
    );
    this.#views = values.map((_, at) => element('vscode-panel-view', { id: `view-${at}` }));
    this.element.replaceChildren(...this.#tabs, ...this.#views);
  }

  select(key: string): void {
    const at = Math.max(0, this.#keys.indexOf(key));
    this.element.setAttribute('activeid', `value-${at}`);
    this.#select(at);
  }

  #select(at: number): void {
    const key = this.#keys[at];
    const view = this.#views[at];
    if (key === undefined || view === undefined) return;
    // The browser leaves one that takes the focus where it stands, though its end may be cut off.
    this.#tabs[at]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (view.childElementCount === 0) view.append(this.#show(key));
    this.#onSelect(key);
  }
}
