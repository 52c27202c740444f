/**
 * Python literals as a numpy header has them: dictionaries, tuples, lists, strings, integers, booleans
 * and None. numpy reads them with `ast.literal_eval`; nothing is evaluated here either.
 */
import { DecodeError } from '../DecodeError';

/** Tuples and lists are both arrays: nothing in a header tells them apart by their meaning. */
export type Literal = string | number | boolean | null | Literal[] | Map<string, Literal>;

const MAX_DEPTH = 32;
const TOKEN =
  /\s*(?:([()[\]{},:])|(-?\d+)L?|(True|False|None)\b|[ub]?('(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"))/y;
const ENDS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** @throws {DecodeError} `damaged` when the text is no such literal, or nests deeper than a header may */
export function parseLiteral(text: string): Literal {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Literal {
    if (depth > MAX_DEPTH) throw this.#damaged();
    const [, sign, integer, word, string] = this.#token();
    if (integer !== undefined) return Number(integer);
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    if (string !== undefined) return unquote(string);
    if (sign === '{') return this.#dictionary(depth);
    if (sign === '(' || sign === '[') return this.#sequence(sign, depth);
    throw this.#damaged();
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw this.#damaged();
  }

  #sequence(opening: string, depth: number): Literal[] {
    const end = ENDS[opening];
    const items: Literal[] = [];
    while (!this.#take(end)) {
      if (items.length > 0) {
        this.#expect(',');
        if (this.#take(end)) break;
      }
      items.push(this.value(depth + 1));
    }
    return items;
  }

  #dictionary(depth: number): Map<string, Literal> {
    const fields = new Map<string, Literal>();
    while (!this.#take('}')) {
      if (fields.size > 0) {
        this.#expect(',');
        if (this.#take('}')) break;
      }
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || fields.has(key)) throw this.#damaged();
      this.#expect(':');
      fields.set(key, this.value(depth + 1));
    }
    return fields;
  }

  #token(): RegExpExecArray {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) throw this.#damaged();
    this.#at += match[0].length;
    return match;
  }

  #expect(sign: string): void {
    if (this.#token()[1] !== sign) throw this.#damaged();
  }

  #take(sign: string | undefined): boolean {
    const before = this.#at;
    if (this.#token()[1] === sign) return true;
    this.#at = before;
    return false;
  }

  #damaged(): DecodeError {
    const message = `The header of the numpy array is damaged at character ${this.#at + 1}.`;
    return new DecodeError('damaged', message);
  }
}

function unquote(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g, (...match) => {
      const [, byte, short, long, sign] = match as (string | undefined)[];
      const code = byte ?? short ?? long;
      if (code === undefined) return sign ?? '';
      const point = Number.parseInt(code, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
    });
}
