/**
 * Columns of a record batch as vectors: which buffers hold their values. Laying them out reads none.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#physical-memory-layout
 */
import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { DecodeError } from '../DecodeError';
import { readBatchHeader, type BatchHeader } from './batch';
import { Buffer, type Sources } from './Buffer';
import { messageAt, type BatchPlace, type Dictionaries, type RecordBatchPlace } from './ipc';
import type { ArrowType, Field } from './schema';
import { typeName } from './typeName';

export interface Vector {
  /** The type of the values; of a dictionary's indices, when `dictionary` is set. */
  readonly type: ArrowType;
  readonly field: Field;
  readonly length: number;
  /** Absent when no value is null. */
  readonly validity: Buffer | undefined;
  /** Without the validity: offsets, then values; views, then their data. */
  readonly buffers: readonly Buffer[];
  readonly children: readonly Vector[];
  /** The dictionary's values, laid out when first asked for. */
  readonly dictionary: (() => readonly Vector[]) | undefined;
}

/**
 * The columns `from` to `to` of a record batch. A column that cannot be laid out is an error in its
 * place, and where its buffers end is then not known, so that those after it are errors too.
 */
export function readColumns(
  sources: Sources,
  fields: readonly Field[],
  place: RecordBatchPlace,
  from: number,
  to: number,
): (Vector | DecodeError)[] {
  const { message, body, end } = messageAt(sources.near, place.offset, MessageHeader.RecordBatch);
  const header = readBatchHeader(message.header(new RecordBatch()) as RecordBatch | null);
  const layout = new Layout(sources, header, { body, end }, place.dictionaries, message.version());
  let lost: DecodeError | undefined;
  const columns = fields.slice(0, to).map((field) => {
    const column = lost ?? layout.column(field);
    if (column instanceof DecodeError) lost = column;
    return column;
  });
  return columns.slice(from);
}

/** Walks over the nodes and buffers of one batch in the order of its fields. */
class Layout {
  readonly #sources: Sources;
  readonly #header: BatchHeader;
  readonly #place: { readonly body: number; readonly end: number };
  readonly #dictionaries: Dictionaries;
  readonly #version: MetadataVersion;
  #node = 0;
  #buffer = 0;
  #view = 0;

  constructor(
    sources: Sources,
    header: BatchHeader,
    place: { readonly body: number; readonly end: number },
    dictionaries: Dictionaries,
    version: MetadataVersion,
  ) {
    this.#sources = sources;
    this.#header = header;
    this.#place = place;
    this.#dictionaries = dictionaries;
    this.#version = version;
  }

  column(field: Field): Vector | DecodeError {
    try {
      const vector = this.vector(field);
      if (vector.length === this.#header.rows) return vector;
      const rows = this.#header.rows;
      return damaged(`A column has ${vector.length} values in a record batch of ${rows} rows.`);
    } catch (error) {
      if (error instanceof DecodeError) return error;
      throw error;
    }
  }

  vector(field: Field): Vector {
    const { length, nulls } = this.#nextNode();
    const { dictionary } = field;
    const type = dictionary?.index ?? field.type;
    // Unions had a validity of their own before V5.
    const hasValidity =
      type.kind === 'union'
        ? this.#version < MetadataVersion.V5
        : type.kind !== 'null' && type.kind !== 'runEndEncoded';
    const validity = hasValidity ? this.#nextBuffer() : undefined;
    const buffers = Array.from({ length: this.#bufferCount(field, type) }, () =>
      this.#nextBuffer(),
    );
    return {
      type,
      field,
      length,
      validity: nulls > 0 ? validity : undefined,
      buffers,
      children: dictionary === undefined ? field.children.map((child) => this.vector(child)) : [],
      dictionary: dictionary === undefined ? undefined : this.#dictionary(field, dictionary.id),
    };
  }

  #bufferCount(field: Field, type: ArrowType): number {
    switch (type.kind) {
      case 'null':
      case 'struct':
      case 'fixedList':
      case 'runEndEncoded':
        return 0;
      case 'int':
      case 'float':
      case 'decimal':
      case 'bool':
      case 'fixedBinary':
      case 'date':
      case 'time':
      case 'timestamp':
      case 'duration':
      case 'interval':
      case 'list':
      case 'map':
        return 1;
      case 'utf8':
      case 'binary':
      case 'listView':
        return 2;
      case 'union':
        return type.dense ? 2 : 1;
      case 'utf8View':
      case 'binaryView': {
        const count = this.#header.viewBuffers[this.#view];
        this.#view += 1;
        if (count === undefined) throw damaged('A view column has no count of its buffers.');
        return 1 + count;
      }
      case 'unknown':
        throw new DecodeError(
          'unsupported',
          `Columns from "${field.name}" on cannot be read: Arrow ${typeName(field)} is not known.`,
        );
      default:
        return type satisfies never;
    }
  }

  /** A dictionary's values are batches of one column, of the field without its dictionary. */
  #dictionary(field: Field, id: bigint): () => readonly Vector[] {
    const values: Field = { ...field, dictionary: undefined };
    let vectors: readonly Vector[] | undefined;
    return () =>
      (vectors ??= (this.#dictionaries.get(id) ?? []).map((place) =>
        readDictionary(this.#sources, values, place, this.#dictionaries),
      ));
  }

  #nextNode(): { readonly length: number; readonly nulls: number } {
    const node = this.#header.nodes[this.#node];
    this.#node += 1;
    if (node === undefined) throw damaged('A record batch has fewer columns than the schema.');
    return node;
  }

  #nextBuffer(): Buffer {
    const region = this.#header.buffers[this.#buffer];
    this.#buffer += 1;
    if (region === undefined) throw damaged('A record batch has fewer buffers than its columns.');
    const offset = this.#place.body + region.offset;
    if (offset + region.length > this.#place.end) {
      throw damaged('A buffer does not lie within its record batch.');
    }
    return new Buffer(this.#sources, this.#header.codec, offset, region.length);
  }
}

function readDictionary(
  sources: Sources,
  values: Field,
  place: BatchPlace,
  dictionaries: Dictionaries,
): Vector {
  const found = messageAt(sources.near, place.offset, MessageHeader.DictionaryBatch);
  const table = found.message.header(new DictionaryBatch()) as DictionaryBatch | null;
  const header = readBatchHeader(table?.data() ?? null);
  return new Layout(sources, header, found, dictionaries, found.message.version()).vector(values);
}

/** Bytes of memory that reading a vector takes, because its buffers are decompressed whole. */
export function cost(vector: Vector): number {
  let bytes = vector.validity?.cost ?? 0;
  for (const buffer of vector.buffers) bytes += buffer.cost;
  for (const child of vector.children) bytes += cost(child);
  for (const values of vector.dictionary?.() ?? []) bytes += cost(values);
  return bytes;
}

function damaged(message: string): DecodeError {
  return new DecodeError('damaged', message);
}
