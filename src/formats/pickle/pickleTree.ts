/**
 * What a pickle holds as a tree: containers with what is in them, and objects by the name of their class
 * with their attributes. Values are written as Python's `repr` does.
 */
import type { TreeNode } from '../../protocol/pages';
import type { ByteSource } from '../ByteSource';
import { MAX_LONG_TEXT, MAX_TREE_DEPTH, MAX_TREE_MEMBERS, MAX_TREE_NODES } from '../limits';
import { picturesIn, withoutPictures } from '../pictures';
import { shorten } from '../shorten';
import { shapeOf } from './frame/frame';
import { classOf, knownText, reprOf } from './frame/objectText';
import {
  isCall,
  isDict,
  isGlobal,
  isItems,
  member,
  type Call,
  type Items,
  type Node,
} from './Unpickled';

/** UTF-16 code units shown of all texts together. */
const MAX_CHARACTERS = 1_000_000;

/**
 * What marimo keeps of a cached function or block, without what it keeps beside it: what the function
 * returned, or what the block's variables held.
 */
export function resultIn(root: Node): Node {
  if (!isCall(root) || !isGlobal(root.of, 'marimo', 'Cache')) return root;
  const defs = member(root.state, 'defs');
  const returned = member(member(root.state, 'meta'), 'return');
  if (!isDict(defs)) return root;
  if (defs.entries.length === 0) return returned === undefined ? root : returned;
  if (returned === undefined || returned === null) return defs;
  return { kind: 'dict', entries: [...defs.entries, ['output', returned]] };
}

/**
 * The tree of what a pickle says, cut where it is large, deep or holds itself.
 * @param isWhole false where the pickle was not followed to its end: then there is more in the root
 */
export function treeOf(root: Node, source: ByteSource, isWhole = true): TreeNode {
  const tree = new Tree(source).node('', root, 1);
  // A container is in another only when it is filled: of those that can be seen, the root alone is not.
  return isWhole || !(isDict(root) || isItems(root)) ? tree : { ...tree, text: atLeast(tree.text) };
}

/** `12+` of `12`, `set (12+)` of `set (12)`. */
function atLeast(count: string): string {
  return count.replace(/\d+/, '$&+');
}

/** Such as numpy's numbers and `Decimal`. */
const NUMBER = /^-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|nan|inf)$/;

const MORE: TreeNode = { key: '', type: 'cut', text: '…' };

/** What a container holds: no more of it than is shown, since it may stand in a tree many times. */
interface Members {
  readonly count: number;
  readonly first: readonly (readonly [key: string, value: Node])[];
}

const NONE: Members = { count: 0, first: [] };
/** Frames of which a tree tells the shape, for which each of their columns is looked at. */
const MAX_FRAMES = 100;

class Tree {
  readonly #source: ByteSource;
  /** What is being written, from the root on: a list may hold itself. */
  readonly #within = new Set<Node>();
  #nodes = 0;
  #characters = 0;
  #frames = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  node(key: string, value: Node, level: number): TreeNode {
    this.#nodes += 1;
    if (typeof value === 'string') return this.#text(key, value);
    if (typeof value === 'boolean') return { key, type: 'boolean', text: this.#repr(value) };
    if (value === null) return { key, type: 'null', text: this.#repr(value) };
    if (typeof value !== 'object' || value.kind === 'float') {
      return { key, type: 'number', text: this.#repr(value) };
    }
    if (isDict(value)) {
      const text = String(value.entries.length);
      return this.#branch(
        { key, type: 'object', text },
        value,
        this.#entries(value.entries),
        level,
      );
    }
    if (isItems(value)) {
      const { kind, items } = value;
      const type = kind === 'list' ? 'array' : 'instance';
      const text = kind === 'list' ? String(items.length) : `${kind} (${items.length})`;
      return this.#branch({ key, type, text }, value, numbered(items), level);
    }
    if (isCall(value)) return this.#object(key, value, level);
    return { key, type: 'instance', text: this.#repr(value) };
  }

  #object(key: string, value: Call, level: number): TreeNode {
    const known = knownText(value, this.#source);
    if (known !== undefined) {
      return { key, type: NUMBER.test(known) ? 'number' : 'instance', text: known };
    }
    const name = classOf(value).replace(/^builtins\./, '');
    // What it is made of says nothing to who looks at it. By itself, it would be a table.
    if (isGlobal(value.of, 'pandas', 'DataFrame', 'Series')) {
      this.#frames += 1;
      const shape =
        this.#frames > MAX_FRAMES ? undefined : shapeOf(value, this.#source)?.join(' × ');
      return { key, type: 'instance', text: shape === undefined ? name : `${name} (${shape})` };
    }
    const filled = joined(numbered(value.items ?? []), this.#entries(value.entries ?? []));
    // Of what is filled, such as a `deque`, the arguments are an empty list and the like.
    const args = filled.count > 0 ? [] : ownArguments(value);
    const attributes = this.#attributesOf(value);
    const isAlone = attributes.count === 0 && filled.count === 0;
    if (isAlone && args.length > 0 && args.length <= MAX_TREE_MEMBERS && args.every(isPlain)) {
      // As the call that makes it: a member of an enumeration, a path, an exception.
      const text = shorten(`${name}(${args.map((each) => this.#repr(each)).join(', ')})`);
      return { key, type: 'instance', text };
    }
    // One that is made of a container, as a `Counter` is, holds what is in that.
    const inner = isAlone && args.length === 1 ? this.#inContainer(args[0]) : undefined;
    const all = inner ?? joined(numbered(args), attributes, filled);
    const node = this.#branch({ key, type: 'instance', text: name }, value, all, level);
    const pictures = shownIn(value);
    return pictures.length === 0
      ? node
      : { ...node, children: [...pictures, ...(node.children ?? [])] };
  }

  #attributesOf({ state }: Call): Members {
    if (state === undefined || state === null) return NONE;
    if (isDict(state)) return this.#entries(state.entries);
    if (!isSlots(state)) return { count: 1, first: [['state', state]] };
    return joined(...state.items.map((each) => this.#entries(isDict(each) ? each.entries : [])));
  }

  #inContainer(value: Node | undefined): Members | undefined {
    if (isDict(value)) return this.#entries(value.entries);
    return isItems(value) ? numbered(value.items) : undefined;
  }

  #branch(node: TreeNode, value: Node, members: Members, level: number): TreeNode {
    if (members.count === 0) return node;
    if (level >= MAX_TREE_DEPTH || this.#within.has(value)) return { ...node, children: [MORE] };
    this.#within.add(value);
    const children: TreeNode[] = [];
    for (const [key, member] of members.first) {
      if (this.#nodes >= MAX_TREE_NODES) break;
      children.push(this.node(key, member, level + 1));
    }
    this.#within.delete(value);
    const left = members.count - children.length;
    if (left > 0) children.push({ ...MORE, text: `${left} more` });
    return { ...node, children };
  }

  #entries(entries: readonly (readonly [Node, Node])[]): Members {
    const first = entries.slice(0, MAX_TREE_MEMBERS);
    return {
      count: entries.length,
      first: first.map(([key, value]) => [
        typeof key === 'string' ? shorten(key) : this.#repr(key),
        value,
      ]),
    };
  }

  /** Texts may be what somebody paid for, so far more of them is shown than of a table's cell. */
  #text(key: string, value: string): TreeNode {
    const room = MAX_CHARACTERS - this.#characters;
    const text = shorten(withoutPictures(value), room > MAX_LONG_TEXT ? MAX_LONG_TEXT : undefined);
    this.#characters += text.length;
    return { key, type: 'string', text };
  }

  #repr(value: Node): string {
    return reprOf(value, this.#source);
  }
}

function numbered(items: readonly Node[]): Members {
  const first = items.slice(0, MAX_TREE_MEMBERS);
  return { count: items.length, first: first.map((value, index) => [String(index), value]) };
}

function joined(...all: readonly Members[]): Members {
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    first: all.flatMap(({ first }) => first).slice(0, MAX_TREE_MEMBERS),
  };
}

/** The pictures in what a cell shows, `Html` in marimo/_output/hypertext.py: a plot is one. */
function shownIn(value: Call): TreeNode[] {
  const html = classOf(value).startsWith('marimo.') ? member(value.state, '_text') : undefined;
  return typeof html === 'string' ? picturesIn(html) : [];
}

/** What a class is called with, but for what `copyreg` and Cython say of the class itself. */
function ownArguments(call: Call): readonly Node[] {
  const isMade = typeof call.of === 'object' && call.of !== null && call.of.kind === 'global';
  return isMade && classOf(call) === `${call.of.module}.${call.of.name}` ? call.args : [];
}

/** A state of attributes and slots, as `object.__reduce_ex__` makes it. */
function isSlots(state: Node | undefined): state is Items {
  return (
    isItems(state) &&
    state.kind === 'tuple' &&
    state.items.length === 2 &&
    state.items.every((each) => each === null || isDict(each))
  );
}

function isPlain(node: Node): boolean {
  return (
    typeof node !== 'object' || node === null || node.kind === 'float' || node.kind === 'bytes'
  );
}
