/**
 * A parser of JSON that gives a tree to look at, rather than values to compute with: numbers keep their
 * digits, equal keys all stay, Python's `NaN` and `Infinity` are read, and of a text that ends early or
 * goes wrong, all before that place is kept. `JSON.parse` has none of this.
 * Source: https://www.rfc-editor.org/rfc/rfc8259
 */
import type { TreeNode } from '../../protocol/pages';
import {
  MAX_LONG_TEXT,
  MAX_TEXT,
  MAX_TREE_DEPTH,
  MAX_TREE_MEMBERS,
  MAX_TREE_NODES,
} from '../limits';
import { shorten } from '../shorten';

/** Levels read. Nobody's data nests like this, and each takes memory. */
const MAX_LEVELS = 10_000;
/** UTF-16 code units of a string that are unescaped: six stand for one at most. */
const MAX_RAW = 6 * (MAX_LONG_TEXT + 1);

const WORDS: readonly (readonly [string, TreeNode['type']])[] = [
  ['true', 'boolean'],
  ['false', 'boolean'],
  ['null', 'null'],
  ['NaN', 'number'],
  ['Infinity', 'number'],
  ['-Infinity', 'number'],
];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;

/** An object or array whose end has not been reached. */
interface Open {
  readonly type: 'object' | 'array';
  readonly key: string;
  readonly children: TreeNode[];
  members: number;
  /** Whether its members are kept. */
  readonly shown: boolean;
}

/**
 * @returns the tree, and what is wrong with the text, if anything. Nothing is thrown, and nesting costs
 *   no stack: a text of a million brackets is no different from any other.
 */
export function parseTree(text: string): { root: TreeNode; problem: string | undefined } {
  const parser = new Parser(text);
  return parser.parse();
}

class Parser {
  readonly #text: string;
  readonly #open: Open[] = [];
  #at = 0;
  #nodes = 0;
  #root: TreeNode | undefined;
  #problem: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): { root: TreeNode; problem: string | undefined } {
    while (this.#root === undefined && this.#problem === undefined) this.#step();
    if (this.#problem === undefined) {
      this.#space();
      if (this.#at < this.#text.length) this.#fail('More text follows after the value');
    }
    // What is open when the text goes wrong is closed, with a mark that there may have been more.
    while (this.#open.length > 0) this.#close(true);
    const root = this.#root ?? { key: '', type: 'cut', text: '' };
    return { root, problem: this.#problem };
  }

  /** Reads one value, or the end of an object or array, with what stands before it. */
  #step(): void {
    const container = this.#open.at(-1);
    this.#space();
    if (container === undefined) {
      this.#value('');
      return;
    }
    if (this.#take(container.type === 'object' ? '}' : ']')) {
      this.#close(false);
      return;
    }
    if (container.members > 0) {
      if (!this.#take(',')) {
        this.#fail('A comma is missing');
        return;
      }
      this.#space();
    }
    if (container.type === 'array') {
      this.#value(String(container.members));
      return;
    }
    const key = this.#string(MAX_TEXT);
    this.#space();
    if (key === undefined || !this.#take(':')) {
      this.#fail('A key is missing or not whole');
      return;
    }
    this.#space();
    this.#value(key);
  }

  #value(key: string): void {
    const first = this.#text[this.#at];
    if (first === '{' || first === '[') {
      if (this.#open.length >= MAX_LEVELS) {
        this.#fail('Objects and arrays nest too deeply');
        return;
      }
      this.#at += 1;
      this.#begin(key, first === '{' ? 'object' : 'array');
      return;
    }
    if (first === '"') {
      const string = this.#string(MAX_LONG_TEXT);
      if (string === undefined) this.#fail('A text is not whole');
      else this.#add({ key, type: 'string', text: string });
      return;
    }
    for (const [word, type] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      this.#add({ key, type, text: word });
      return;
    }
    const number = this.#match(NUMBER)?.[0];
    if (number === undefined) this.#fail('A value is missing');
    else this.#add({ key, type: 'number', text: shorten(number) });
  }

  #begin(key: string, type: Open['type']): void {
    const parent = this.#open.at(-1);
    const shown =
      parent === undefined || (this.#hasRoom(parent) && this.#open.length < MAX_TREE_DEPTH);
    if (shown) this.#nodes += 1;
    this.#open.push({ type, key, children: [], members: 0, shown });
  }

  #close(early: boolean): void {
    const closed = this.#open.pop();
    if (closed === undefined) return;
    const { key, type, children, members, shown } = closed;
    const left = members - children.length;
    if (shown && (left > 0 || early)) {
      const text = early ? '…' : `${left} more`;
      children.push({ key: '', type: 'cut', text });
    }
    const node: TreeNode = { key, type, text: String(members), children };
    const parent = this.#open.at(-1);
    if (parent === undefined) {
      this.#root = node;
      return;
    }
    parent.members += 1;
    if (shown) parent.children.push(node);
    // Where it is too deep to be shown, its size is, on the last level.
    else if (this.#hasRoom(parent))
      parent.children.push({ key, type: 'cut', text: String(members) });
  }

  #add(leaf: TreeNode): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) {
      this.#root = leaf;
      return;
    }
    if (this.#hasRoom(parent)) {
      parent.children.push(leaf);
      this.#nodes += 1;
    }
    parent.members += 1;
  }

  #hasRoom(parent: Open): boolean {
    return (
      parent.shown && parent.children.length < MAX_TREE_MEMBERS && this.#nodes < MAX_TREE_NODES
    );
  }

  /** @returns the string at this place, cut to `max` units; `undefined` when it is not whole */
  #string(max: number): string | undefined {
    if (this.#text[this.#at] !== '"') return undefined;
    const start = this.#at + 1;
    // A regular expression over a string of megabytes runs out of stack.
    for (let end = start; end < this.#text.length; end += 1) {
      const unit = this.#text.charCodeAt(end);
      if (unit === QUOTE) {
        this.#at = end + 1;
        return shorten(unescape(this.#text.slice(start, end)), max);
      }
      if (unit === BACKSLASH) end += 1;
    }
    this.#at = this.#text.length;
    return undefined;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #take(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #fail(what: string): void {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    const ended = this.#at >= this.#text.length;
    this.#problem = ended
      ? `The text ends early, in line ${line}.`
      : `${what}, in line ${line} at character ${this.#at + 1}.`;
  }
}

/** @param raw what stands between the quotes; what is no valid JSON in it is shown as it stands */
function unescape(raw: string): string {
  const head = raw.length > MAX_RAW ? wholeEscapes(raw.slice(0, MAX_RAW)) : raw;
  try {
    return JSON.parse(`"${head}"`) as string;
  } catch {
    return head;
  }
}

/** Leaves out an escape that the cut at the end goes through. */
function wholeEscapes(cut: string): string {
  // From the left, since a backslash begins an escape or is the end of one.
  return /^(?:[^\\]|\\u[^]{4}|\\[^u])*/.exec(cut)?.[0] ?? '';
}
