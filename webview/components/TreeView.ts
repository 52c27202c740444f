import type { TreeNode } from '../../src/protocol/pages';
import { element, icon } from '../dom';
import { onKey, typeAhead } from '../treeKeyboard';
import type { TreeRow } from '../treeKeyboard';

/** Rows that a tree opens with at most; beyond, its branches are closed. */
const openRows = 40;
/** Milliseconds after which typing begins anew, as in VS Code's own trees. */
const typingPause = 800;

interface Row extends TreeRow {
  readonly node: TreeNode;
  readonly element: HTMLElement;
  expanded: boolean | undefined;
}

/**
 * A tree by the ARIA pattern: one flat list of the rows that are to be seen, each with its level, its
 * place among its siblings and whether it is open. One row at a time is in the tab order.
 */
export class TreeView {
  readonly element: HTMLElement;
  readonly #rows: Row[];
  #current = 0;
  #typed = '';
  #typedAt = 0;

  /** @param label what the tree is called by who does not see it */
  constructor(root: TreeNode, label: string) {
    this.#rows = [row(root, 1, 1, 1)];
    this.element = element('div', {
      class: 'tree',
      role: 'tree',
      'aria-label': label,
    });
    this.element.append(...this.#rows.map((each) => each.element));
    this.#openFirst();
    this.#focusable(0, true);
    this.element.addEventListener('click', (event) => {
      this.#onClick(event);
    });
    this.element.addEventListener('keydown', (event) => {
      this.#onKeyDown(event);
    });
  }

  /** Opens branch after branch, the outer ones first, while the rows stay few. */
  #openFirst(): void {
    for (let level = 1; level <= 3; level++) {
      for (const each of this.#rows.filter((row) => row.level === level)) {
        const grown = this.#rows.length + (each.node.children?.length ?? 0);
        if (each.expanded === false && (level === 1 || grown <= openRows)) {
          this.#expand(this.#rows.indexOf(each));
        }
      }
    }
  }

  #expand(index: number): void {
    const parent = this.#rows[index];
    if (parent?.expanded !== false) return;
    this.#mark(parent, true);
    const nodes = parent.node.children ?? [];
    const rows = nodes.map((node, at) => row(node, parent.level + 1, at + 1, nodes.length));
    parent.element.after(...rows.map((each) => each.element));
    // One by one would be quadratic, and a spread of a long list overflows the stack.
    const after = this.#rows.splice(index + 1);
    for (const each of rows) this.#rows.push(each);
    for (const each of after) this.#rows.push(each);
    if (this.#current > index) this.#current += rows.length;
  }

  #collapse(index: number): void {
    const parent = this.#rows[index];
    if (parent?.expanded !== true) return;
    this.#mark(parent, false);
    let end = index + 1;
    while ((this.#rows[end]?.level ?? 0) > parent.level) end++;
    for (const each of this.#rows.splice(index + 1, end - index - 1)) each.element.remove();
    if (this.#current >= end) this.#current -= end - index - 1;
    else if (this.#current > index) this.#focus(index);
  }

  #mark(parent: Row, expanded: boolean): void {
    parent.expanded = expanded;
    parent.element.setAttribute('aria-expanded', String(expanded));
  }

  #focus(index: number): void {
    this.#focusable(this.#current, false);
    this.#current = index;
    this.#focusable(index, true);
    const focused = this.#rows[index]?.element;
    focused?.focus();
    focused?.scrollIntoView({ block: 'nearest' });
  }

  #focusable(index: number, tabbable: boolean): void {
    const each = this.#rows[index]?.element;
    each?.setAttribute('tabindex', tabbable ? '0' : '-1');
    each?.setAttribute('aria-selected', String(tabbable));
  }

  #toggle(index: number): void {
    if (this.#rows[index]?.expanded === true) this.#collapse(index);
    else this.#expand(index);
  }

  #onClick({ target }: Event): void {
    const clicked = target instanceof Element ? target.closest('[role=treeitem]') : null;
    const index = this.#rows.findIndex((each) => each.element === clicked);
    if (index < 0) return;
    // Who drags over a text to copy it does not want the branch closed.
    if (document.getSelection()?.isCollapsed === false) return;
    this.#focus(index);
    this.#toggle(index);
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = onKey(this.#rows, this.#current, event.key);
    if (move !== undefined) {
      if (move.kind === 'focus') this.#focus(move.index);
      else this.#toggle(move.index);
    } else if (event.key.length === 1 && event.key !== ' ') {
      this.#type(event);
    } else if (event.key !== ' ') {
      return;
    }
    event.preventDefault();
  }

  #type({ key, timeStamp }: KeyboardEvent): void {
    this.#typed = timeStamp - this.#typedAt > typingPause ? key : this.#typed + key;
    this.#typedAt = timeStamp;
    const found = typeAhead(this.#rows, this.#current, this.#typed);
    if (found !== undefined) this.#focus(found);
  }
}

function row(node: TreeNode, level: number, place: number, siblings: number): Row {
  const branch = node.children !== undefined && node.children.length > 0;
  const made = element('div', {
    role: 'treeitem',
    tabindex: '-1',
    'aria-selected': 'false',
    'aria-level': String(level),
    'aria-posinset': String(place),
    'aria-setsize': String(siblings),
    class: `node ${node.type}`,
    style: `--level: ${level}`,
  });
  if (branch) made.setAttribute('aria-expanded', 'false');
  made.append(element('span', { class: 'twistie' }, ...(branch ? [icon('chevron-right')] : [])));
  if (node.key !== '') made.append(element('span', { class: 'key' }, node.key), ': ');
  made.append(element('span', { class: 'value' }, picture(node) ?? valueText(node)));
  const label = node.key === '' ? node.text : node.key;
  return { node, level, element: made, label, expanded: branch ? false : undefined };
}

function picture({ picture, text }: TreeNode): HTMLElement | undefined {
  return picture === undefined ? undefined : element('img', { src: picture, alt: text });
}

/** Texts stand in quotes and collections in brackets, so that colour is not all that tells them. */
function valueText({ type, text }: TreeNode): string {
  switch (type) {
    case 'object':
      return `{${text}}`;
    case 'array':
      return `[${text}]`;
    case 'string':
      return `"${text}"`;
    case 'number':
    case 'boolean':
    case 'null':
    case 'instance':
    case 'cut':
    case 'picture':
      return text;
  }
}
