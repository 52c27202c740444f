/**
 * Objects of a pickle as text: as `str` writes what stands in a cell, and as `repr` writes what stands
 * in a list there. What has a class of its own is shown by its name, since its text is its code's.
 */
import type { ByteSource } from '../../ByteSource';
import { MAX_TEXT } from '../../limits';
import { readDtype } from '../../npy/dtype';
import { floatText } from '../../numbers';
import { shorten } from '../../shorten';
import {
  isBytes,
  isCall,
  isCallOf,
  isGlobal,
  type Bytes,
  type Call,
  type Node,
} from '../Unpickled';
import { describe, readArray } from './NumpyArray';
import { timeText } from './times';

/** Deeper ones are cut: a list may even hold itself. */
const MAX_DEPTH = 20;

/** @returns the text, cut where it is long; `null` for what pandas counts as missing */
export function objectText(node: Node, source: ByteSource): string | null {
  if (isMissing(node)) return null;
  if (typeof node === 'string') return shorten(node);
  const writer = new Writer(source);
  writer.value(node, 0);
  return shorten(writer.text);
}

/** @returns the text as `repr` writes it, cut where it is long */
export function reprOf(node: Node, source: ByteSource): string {
  const writer = new Writer(source);
  writer.value(node, 1);
  return shorten(writer.text);
}

/** @returns the text of an object of a class that is known here; `undefined` for any other one */
export function knownText(node: Call, source: ByteSource): string | undefined {
  const text = reprOf(node, source);
  return text === unknown(node) ? undefined : text;
}

function unknown(node: Call): string {
  return shorten(`<${classOf(node)}>`);
}

function isMissing(node: Node): boolean {
  if (node === null || isGlobal(node, 'pandas', 'NA')) return true;
  if (isCallOf(node, 'pandas', '_nat_unpickle', '__nat_unpickle')) return true;
  return typeof node === 'object' && node.kind === 'float' && Number.isNaN(node.value);
}

class Writer {
  readonly #source: ByteSource;
  text = '';

  constructor(source: ByteSource) {
    this.#source = source;
  }

  value(node: Node, depth: number): void {
    // More than is shown need not be written, however often one list stands in another.
    if (this.text.length > MAX_TEXT) return;
    if (depth > MAX_DEPTH) this.text += '…';
    else if (typeof node === 'string') this.text += quoted(node);
    else if (typeof node === 'boolean') this.text += node ? 'True' : 'False';
    else if (node === null) this.text += 'None';
    else if (typeof node !== 'object') this.text += String(node);
    else {
      switch (node.kind) {
        case 'float':
          this.text += floatText(node.value, 64);
          return;
        case 'bytes':
          this.text += this.#bytes(node);
          return;
        case 'list':
          this.#items('[', node.items, ']', depth);
          return;
        case 'tuple':
          this.#items('(', node.items, node.items.length === 1 ? ',)' : ')', depth);
          return;
        case 'set':
          if (node.items.length === 0) this.text += 'set()';
          else this.#items('{', node.items, '}', depth);
          return;
        case 'frozenset':
          if (node.items.length === 0) this.text += 'frozenset()';
          else this.#items('frozenset({', node.items, '})', depth);
          return;
        case 'dict':
          this.#dict(node.entries, depth);
          return;
        case 'global':
          this.text += isMissing(node) ? '<NA>' : `<${node.module}.${node.name}>`;
          return;
        case 'call':
          this.#call(node, depth);
          return;
      }
    }
  }

  #call(node: Call, depth: number): void {
    const [first] = node.args;
    const time = timeText(node, this.#source);
    if (time !== undefined) this.text += time;
    else if (isMissing(node)) this.text += 'NaT';
    else if (isGlobal(node.of, 'decimal', 'Decimal') && typeof first === 'string') {
      this.text += first;
    } else if (isGlobal(node.of, 'numpy', 'scalar')) this.#scalar(node, depth);
    else if (isGlobal(node.of, 'numpy', '_frombuffer', '_reconstruct')) this.#array(node, depth);
    else this.text += unknown(node);
  }

  #scalar(node: Call, depth: number): void {
    const [type, data] = node.args;
    const description = describe(type, this.#source);
    const dtype = description === undefined ? undefined : readDtype(description);
    if (dtype === undefined || dtype.unreadable !== undefined || !isBytes(data)) {
      this.text += '<numpy.scalar>';
    } else if (data.length === dtype.size) {
      const text = dtype.text(this.#source.read(data.place, data.length));
      this.text += /^[<>|=]U/.test(description ?? '') && depth > 0 ? quoted(text) : text;
    }
  }

  #array(node: Call, depth: number): void {
    const array = readArray(node, this.#source);
    if (array === undefined) this.text += '<numpy.ndarray>';
    else if (array.shape.length !== 1) this.text += `<numpy.ndarray ${array.shape.join(' × ')}>`;
    else {
      const isText = /^[<>|=]?U/.test(array.description);
      this.#list('[', array.shape[0] ?? 0, ']', (index) => {
        if (array.description === 'O') this.value(array.object(index), depth + 1);
        else {
          const text = array.dtype.text(array.bytes(index));
          this.text += isText ? quoted(text) : text;
        }
      });
    }
  }

  #items(opening: string, items: readonly Node[], closing: string, depth: number): void {
    this.#list(opening, items.length, closing, (index) => {
      this.value(items[index] ?? null, depth + 1);
    });
  }

  #dict(entries: readonly (readonly [Node, Node])[], depth: number): void {
    this.#list('{', entries.length, '}', (index) => {
      const [key, value] = entries[index] ?? [null, null];
      this.value(key, depth + 1);
      this.text += ': ';
      this.value(value, depth + 1);
    });
  }

  #list(opening: string, count: number, closing: string, write: (index: number) => void): void {
    this.text += opening;
    for (let index = 0; index < count && this.text.length <= MAX_TEXT; index += 1) {
      if (index > 0) this.text += ', ';
      write(index);
    }
    this.text += closing;
  }

  #bytes({ place, length }: Bytes): string {
    const bytes = this.#source.read(place, Math.min(length, MAX_TEXT));
    const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? 0x22 : 0x27;
    let text = `b${String.fromCharCode(quote)}`;
    for (const byte of bytes) {
      if (byte === quote || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
      else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
      else text += ESCAPES[byte] ?? `\\x${byte.toString(16).padStart(2, '0')}`;
    }
    return `${text}${String.fromCharCode(quote)}`;
  }
}

/** The class of an object, or the function that would make it. */
export function classOf(node: Node | undefined): string {
  if (!isCall(node)) return 'object';
  // `copyreg._reconstructor` and what Cython makes take the class as their first argument.
  const made =
    isGlobal(node.of, 'copyreg', '_reconstructor', '__newobj__') || isCythonMade(node.of)
      ? node.args[0]
      : node.of;
  const isName = typeof made === 'object' && made !== null && made.kind === 'global';
  return isName ? `${made.module}.${made.name}` : 'object';
}

function isCythonMade(node: Node): boolean {
  const isName = typeof node === 'object' && node !== null && node.kind === 'global';
  return isName && node.name.startsWith('__pyx_unpickle');
}

const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r' };

/** A text as Python's `repr` writes it. */
function quoted(text: string): string {
  const short = text.slice(0, MAX_TEXT + 1);
  const quote = short.includes("'") && !short.includes('"') ? '"' : "'";
  const escaped = short.replace(/[\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|['"]/gu, (sign) => {
    if (sign === '\\') return '\\\\';
    if (sign === '"' || sign === "'") return sign === quote ? `\\${sign}` : sign;
    const point = sign.codePointAt(0) ?? 0;
    const hex = (digits: number): string => point.toString(16).padStart(digits, '0');
    if (point < 0x100) return ESCAPES[point] ?? `\\x${hex(2)}`;
    return point < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
  });
  return `${quote}${escaped}${quote}`;
}
