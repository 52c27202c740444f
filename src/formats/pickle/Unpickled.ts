/**
 * What a pickle says, without doing it: texts, numbers and containers as they are, and in place of
 * everything that would be imported or called, its name and its arguments.
 */
import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { MAX_LONG_TEXT, MAX_TEXT } from '../limits';
import { signedInteger } from '../numbers';
import type { Step } from './opcodes';

/** Integers are numbers, or `bigint` beyond 2^53; a float is a `Float`, so as to be told from them. */
export type Node =
  string | number | bigint | boolean | null | Float | Bytes | Items | Dict | Global | Call;

export interface Float {
  readonly kind: 'float';
  readonly value: number;
}

/** Bytes that stay in the pickle until somebody asks for some of them. */
export interface Bytes {
  readonly kind: 'bytes';
  readonly place: number;
  readonly length: number;
}

export interface Items {
  readonly kind: 'list' | 'tuple' | 'set' | 'frozenset';
  readonly items: Node[];
}

export interface Dict {
  readonly kind: 'dict';
  readonly entries: [Node, Node][];
}

/** A name that loading would import. */
export interface Global {
  readonly kind: 'global';
  readonly module: string;
  readonly name: string;
}

/**
 * A call that loading would make, the state that the object would then be given, and what it would be
 * filled with, as a `deque` or a `Counter` is.
 */
export interface Call {
  readonly kind: 'call';
  readonly of: Node;
  readonly args: readonly Node[];
  state: Node | undefined;
  items: Node[] | undefined;
  entries: [Node, Node][] | undefined;
}

const ITEMS: ReadonlySet<string> = new Set(['list', 'tuple', 'set', 'frozenset']);

/** What is kept at most: values, and characters of texts. */
interface Limits {
  readonly nodes: number;
  readonly characters: number;
}

/** Of a tree far fewer are shown. */
const OF_A_TREE: Limits = { nodes: 300_000, characters: 16 * 1024 * 1024 };
/** A frame's column of a million texts has a million of them. */
const OF_A_FRAME: Limits = { nodes: 1_500_000, characters: 64 * 1024 * 1024 };
/** Characters from which on of long texts no more is kept than a table's cell shows. */
const MAX_LONG_CHARACTERS = 8 * 1024 * 1024;

/** Bytes of one UTF-16 code unit in UTF-8, at most. */
const BYTES_A_UNIT = 3;

/** A byte-order mark belongs to the text that it begins. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The pickle machine, with blanks for what it would run. */
export class Unpickled {
  readonly #source: ByteSource;
  #stack: Node[] = [];
  /** Stacks below the marks. */
  readonly #below: Node[][] = [];
  readonly #memo = new Map<number, Node>();
  #nodes = 0;
  #characters = 0;
  #limits = OF_A_TREE;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * @throws {DecodeError} `tooLarge` where too much would have to be kept, `unsupported` where an opcode
   *   is none that people's pickles of protocols 2 to 5 need, `damaged` where no unpickler could go on
   */
  step(step: Step): void {
    const { opcode, argument } = step;
    switch (opcode.name) {
      case 'PROTO':
      case 'FRAME':
      case 'STOP':
        return;
      case 'MARK':
        this.#count();
        this.#below.push(this.#stack);
        this.#stack = [];
        return;
      case 'POP':
        this.#pop();
        return;
      case 'BINGET':
      case 'LONG_BINGET': {
        const found = typeof argument === 'number' ? this.#memo.get(argument) : undefined;
        if (found === undefined) throw damaged();
        this.#stack.push(found);
        return;
      }
      case 'BINPUT':
      case 'LONG_BINPUT':
        this.#remember(Number(argument));
        return;
      case 'MEMOIZE':
        this.#remember(this.#memo.size);
        return;
      case 'APPEND':
        this.#append([this.#pop()]);
        return;
      case 'APPENDS':
      case 'ADDITEMS':
        this.#append(this.#popToMark());
        return;
      case 'SETITEM': {
        const value = this.#pop();
        this.#setItems([this.#pop(), value]);
        return;
      }
      case 'SETITEMS':
        this.#setItems(this.#popToMark());
        return;
      case 'BUILD': {
        const state = this.#pop();
        const object = this.#top();
        if (!isCall(object) || object.state !== undefined) throw unsupported('BUILD');
        object.state = state;
        return;
      }
      case 'POP_MARK':
        this.#popToMark();
        return;
      default:
        this.#push(this.#made(step));
    }
  }

  /** What is left at the end; `undefined` when that is not one value. */
  get result(): Node | undefined {
    return this.#below.length === 0 && this.#stack.length === 1 ? this.#stack[0] : undefined;
  }

  /** What there is of the result before the end; what stands above it on the stack is not in it yet. */
  get soFar(): Node | undefined {
    return (this.#below[0] ?? this.#stack)[0];
  }

  #made(step: Step): Node {
    const { opcode, argument, start, length } = step;
    const { name } = opcode;
    switch (name) {
      case 'NONE':
        return null;
      case 'NEWTRUE':
        return true;
      case 'NEWFALSE':
        return false;
      case 'BININT':
      case 'LONG1':
      case 'LONG4':
        return this.#integer(start, length);
      case 'BININT1':
      case 'BININT2':
        return this.#source.read(start, length).reduceRight((sum, byte) => sum * 256 + byte, 0);
      case 'BINFLOAT': {
        const bytes = this.#source.read(start, 8);
        return { kind: 'float', value: new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0) };
      }
      case 'SHORT_BINUNICODE':
      case 'BINUNICODE':
      case 'BINUNICODE8':
        return this.#text(typeof argument === 'string' ? argument : undefined, start, length);
      case 'SHORT_BINBYTES':
      case 'BINBYTES':
      case 'BINBYTES8':
      case 'BYTEARRAY8':
        return { kind: 'bytes', place: start, length };
      case 'EMPTY_LIST':
        return { kind: 'list', items: [] };
      case 'EMPTY_TUPLE':
        return { kind: 'tuple', items: [] };
      case 'EMPTY_SET':
        return { kind: 'set', items: [] };
      case 'EMPTY_DICT':
        return { kind: 'dict', entries: [] };
      case 'LIST':
        return { kind: 'list', items: this.#popToMark() };
      case 'TUPLE':
        return { kind: 'tuple', items: this.#popToMark() };
      case 'FROZENSET':
        return { kind: 'frozenset', items: this.#popToMark() };
      case 'TUPLE1':
      case 'TUPLE2':
      case 'TUPLE3':
        return { kind: 'tuple', items: this.#popMany(Number(name.slice(-1))) };
      case 'GLOBAL': {
        const [module = '', global = ''] = typeof argument === 'string' ? argument.split('\n') : [];
        return this.#global(module, global);
      }
      case 'STACK_GLOBAL': {
        const [module, global] = this.#popMany(2);
        if (typeof module !== 'string' || typeof global !== 'string') throw unsupported(name);
        return this.#global(module, global);
      }
      case 'REDUCE':
      case 'NEWOBJ': {
        const [of = null, args = null] = this.#popMany(2);
        return called(of, args);
      }
      case 'NEWOBJ_EX': {
        const [of = null, args = null] = this.#popMany(3);
        return called(of, args);
      }
      default:
        throw unsupported(name);
    }
  }

  #integer(start: number, length: number): number | bigint {
    // A number of more digits than are shown is nothing that a frame's layout could need.
    if (length > MAX_TEXT) throw unsupported('LONG');
    const value = signedInteger(this.#source.read(start, length));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #text(whole: string | undefined, start: number, length: number): string {
    // Of a column of long texts, a table shows the beginnings.
    const shown = this.#characters < MAX_LONG_CHARACTERS ? MAX_LONG_TEXT : MAX_TEXT;
    const most = (shown + 1) * BYTES_A_UNIT;
    const text =
      whole !== undefined && whole.length <= shown
        ? whole
        : UTF8.decode(this.#source.read(start, Math.min(length, most)));
    this.#characters += text.length;
    if (this.#characters > this.#limits.characters) throw tooLarge();
    return text;
  }

  #global(module: string, name: string): Global {
    const global: Global = { kind: 'global', module, name };
    if (isGlobal(global, 'pandas', 'DataFrame', 'Series')) this.#limits = OF_A_FRAME;
    return global;
  }

  #append(items: readonly Node[]): void {
    const to = this.#top();
    if (isCall(to)) to.items ??= [];
    else if (!isItems(to) || (to.kind !== 'list' && to.kind !== 'set'))
      throw unsupported('APPENDS');
    for (const item of items) to.items?.push(item);
  }

  #setItems(items: readonly Node[]): void {
    const to = this.#top();
    if (isCall(to)) to.entries ??= [];
    else if (!isDict(to)) throw unsupported('SETITEMS');
    if (items.length % 2 === 1) throw unsupported('SETITEMS');
    for (let i = 0; i < items.length; i += 2) {
      to.entries?.push([items[i] ?? null, items[i + 1] ?? null]);
    }
  }

  #push(node: Node): void {
    this.#count();
    this.#stack.push(node);
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes > this.#limits.nodes) throw tooLarge();
  }

  #remember(key: number): void {
    if (this.#memo.size >= this.#limits.nodes) throw tooLarge();
    this.#memo.set(key, this.#top());
  }

  #top(): Node {
    const top = this.#stack.at(-1);
    if (top === undefined) throw damaged();
    return top;
  }

  #pop(): Node {
    const top = this.#stack.pop();
    if (top === undefined) throw damaged();
    return top;
  }

  #popMany(count: number): Node[] {
    if (this.#stack.length < count) throw damaged();
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): Node[] {
    const items = this.#stack;
    const below = this.#below.pop();
    if (below === undefined) throw damaged();
    this.#stack = below;
    return items;
  }
}

function called(of: Node, args: Node): Call {
  const none = undefined;
  return { kind: 'call', of, args: itemsOf(args), state: none, items: none, entries: none };
}

export function isItems(node: Node | undefined): node is Items {
  return isObject(node) && ITEMS.has(node.kind);
}

export function isDict(node: Node | undefined): node is Dict {
  return isObject(node) && node.kind === 'dict';
}

export function isCall(node: Node | undefined): node is Call {
  return isObject(node) && node.kind === 'call';
}

export function isBytes(node: Node | undefined): node is Bytes {
  return isObject(node) && node.kind === 'bytes';
}

/** Whether a node is the name `name` of a package, wherever in it: classes move between modules. */
export function isGlobal(
  node: Node | undefined,
  root: string,
  ...names: readonly string[]
): node is Global {
  if (!isObject(node) || node.kind !== 'global' || !names.includes(node.name)) return false;
  return node.module === root || node.module.startsWith(`${root}.`);
}

/** A call of the name `name` of a package. */
export function isCallOf(
  node: Node | undefined,
  root: string,
  ...names: readonly string[]
): node is Call {
  return isCall(node) && isGlobal(node.of, root, ...names);
}

/** Entries among which a member is looked for: no state of an object that is known here has so many. */
const MAX_MEMBERS = 1000;

/** @returns what stands among the first entries of a dictionary under a text, if it is one */
export function member(node: Node | undefined, key: string): Node | undefined {
  if (!isDict(node)) return undefined;
  const first =
    node.entries.length > MAX_MEMBERS ? node.entries.slice(0, MAX_MEMBERS) : node.entries;
  return first.find(([each]) => each === key)?.[1];
}

/** @returns the items of a list or tuple; of anything else, none */
export function itemsOf(node: Node | undefined): readonly Node[] {
  return isItems(node) ? node.items : [];
}

function isObject(
  node: Node | undefined,
): node is Exclude<Node, string | number | bigint | boolean | null> {
  return typeof node === 'object' && node !== null;
}

function damaged(): DecodeError {
  return new DecodeError('damaged', 'it takes a value from its stack or memo that is not there.');
}

function unsupported(what: string): DecodeError {
  return new DecodeError('unsupported', `${what} is used in a way that is not followed.`);
}

function tooLarge(): DecodeError {
  return new DecodeError('tooLarge', 'it holds too many values to keep.');
}
