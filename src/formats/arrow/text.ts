/** Values of a vector as text. What is inside another value is written as Python writes it. */
import { DecodeError } from '../DecodeError';
import { MAX_TEXT } from '../limits';
import { shorten } from '../shorten';
import { scalarText } from './scalarText';
import type { Vector } from './vector';

/** A byte-order mark is not taken for one of a file: it belongs to the value. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A view's text of at most this many bytes stands in the view itself. */
const INLINE = 12;

/**
 * @returns the value at `index`, cut where it is long; `null` where it is null
 * @throws {DecodeError} when the value does not lie within the vector's buffers
 */
export function valueText(vector: Vector, index: number): string | null {
  const found = resolve(vector, index);
  if (found === undefined) return null;
  const writer = new Writer();
  writer.value(found.vector, found.index, false);
  return shorten(writer.text);
}

/** Follows dictionaries and runs to the vector that holds the value. */
function resolve(vector: Vector, index: number): { vector: Vector; index: number } | undefined {
  if (!(index >= 0 && index < vector.length)) {
    throw damaged(`refers to value ${index} of ${vector.length}`);
  }
  if (vector.validity?.bit(index) === false) return undefined;
  if (vector.dictionary !== undefined && vector.type.kind === 'int') {
    let entry = at(vector.buffers, 0).integer(index, vector.type.bits, vector.type.signed);
    for (const values of vector.dictionary()) {
      if (entry < values.length) return resolve(values, entry);
      entry -= values.length;
    }
    throw damaged('refers to a value that its dictionary has not');
  }
  if (vector.type.kind === 'null') return undefined;
  if (vector.type.kind === 'runEndEncoded') {
    return resolve(at(vector.children, 1), runAt(at(vector.children, 0), index));
  }
  if (vector.type.kind === 'union') {
    const id = at(vector.buffers, 0).integer(index, 8);
    const member = vector.children[vector.type.typeIds.indexOf(id)];
    if (member === undefined) throw damaged(`has a value of member ${id}, which its type has not`);
    return resolve(member, vector.type.dense ? at(vector.buffers, 1).int32(index) : index);
  }
  return { vector, index };
}

/** The first run that ends behind `index`. */
function runAt(ends: Vector, index: number): number {
  const bits = ends.type.kind === 'int' ? ends.type.bits : 32;
  const buffer = at(ends.buffers, 0);
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (buffer.integer(middle, bits) <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes until there is more than anybody is shown. Every step of a nested value adds to the text. */
class Writer {
  text = '';

  get #full(): boolean {
    return this.text.length > MAX_TEXT;
  }

  /** @param quoted whether text stands within another value */
  value(vector: Vector, index: number, quoted: boolean): void {
    switch (vector.type.kind) {
      case 'utf8':
      case 'utf8View': {
        const { bytes } = binary(vector, index, 4 * (MAX_TEXT + 1));
        const text = UTF8.decode(bytes);
        this.text += quoted ? JSON.stringify(text) : text;
        break;
      }
      case 'binary':
      case 'binaryView':
      case 'fixedBinary': {
        const { bytes, length } = binary(vector, index, 32);
        const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
        this.text += `0x${hex}${length > bytes.length ? `… (${length} bytes)` : ''}`;
        break;
      }
      case 'list':
      case 'listView':
      case 'fixedList':
      case 'map':
        this.#list(vector, index);
        break;
      case 'struct':
        this.#struct(vector, index);
        break;
      case 'null':
      case 'union':
      case 'runEndEncoded':
      case 'unknown':
        throw damaged(`has no value of its own in a vector of kind ${vector.type.kind}`);
      case 'int':
      case 'float':
      case 'decimal':
      case 'bool':
      case 'date':
      case 'time':
      case 'timestamp':
      case 'duration':
      case 'interval':
        this.text += scalarText(vector.type, at(vector.buffers, 0), index);
    }
  }

  #struct(vector: Vector, index: number): void {
    this.text += '{';
    for (const [i, child] of vector.children.entries()) {
      if (this.#full) break;
      this.text += `${i === 0 ? '' : ', '}${JSON.stringify(child.field.name)}: `;
      this.#nested(child, index);
    }
    this.text += '}';
  }

  #nested(vector: Vector, index: number): void {
    const found = resolve(vector, index);
    if (found === undefined) this.text += 'None';
    else this.value(found.vector, found.index, true);
  }

  #list(vector: Vector, index: number): void {
    const values = at(vector.children, 0);
    const { start, end } = span(vector, index);
    const isMap = vector.type.kind === 'map';
    this.text += isMap ? '{' : '[';
    for (let i = start; i < end && !this.#full; i += 1) {
      if (i > start) this.text += ', ';
      const [key, value] = isMap ? values.children : [];
      if (key !== undefined && value !== undefined) {
        this.#nested(key, i);
        this.text += ': ';
        this.#nested(value, i);
      } else {
        this.#nested(values, i);
      }
    }
    this.text += isMap ? '}' : ']';
  }
}

/** Which of its child's values a list holds. */
function span({ type, buffers }: Vector, index: number): { start: number; end: number } {
  if (type.kind === 'fixedList') return { start: index * type.size, end: (index + 1) * type.size };
  const offsets = at(buffers, 0);
  const bits = (type.kind === 'list' || type.kind === 'listView') && type.large ? 64 : 32;
  const start = offsets.integer(index, bits);
  const end =
    type.kind === 'listView'
      ? start + at(buffers, 1).integer(index, bits)
      : offsets.integer(index + 1, bits);
  if (start < 0 || end < start) throw damaged('has a list whose end lies before its beginning');
  return { start, end };
}

/** The bytes of a text or of binary data, no more than `max` of them, and how many there are. */
function binary(
  { type, buffers }: Vector,
  index: number,
  max: number,
): { bytes: Uint8Array; length: number } {
  const first = at(buffers, 0);
  if (type.kind === 'fixedBinary') {
    const bytes = first.bytes(index * type.width, Math.min(type.width, max));
    return { bytes, length: type.width };
  }
  if (type.kind === 'utf8' || type.kind === 'binary') {
    const bits = type.large ? 64 : 32;
    const start = first.integer(index, bits);
    const length = first.integer(index + 1, bits) - start;
    return { bytes: at(buffers, 1).bytes(start, Math.min(length, max)), length };
  }
  // Source: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
  const length = first.int32(index * 4);
  if (length <= INLINE) return { bytes: first.bytes(index * 16 + 4, length), length };
  const data = buffers[1 + first.int32(index * 4 + 2)];
  if (data === undefined) throw damaged('has a text in a buffer that is not there');
  return { bytes: data.bytes(first.int32(index * 4 + 3), Math.min(length, max)), length };
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw damaged('lacks a part of its values');
  return found;
}

function damaged(what: string): DecodeError {
  return new DecodeError('damaged', `A column ${what}.`);
}
