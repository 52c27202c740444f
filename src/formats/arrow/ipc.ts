/**
 * Finds the schema and the record batches of Arrow IPC data, file or stream, without reading a value.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 *
 * The record batch reader of `apache-arrow` is not used. It decompresses all columns of a batch to show
 * a few, cannot be stopped while it does, gives nanoseconds as floats, checks hardly a length, and loses
 * the whole file to one type that it does not know. Its generated metadata classes are.
 */
import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import type { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import type { Pause } from '../Value';
import { checkCount, readFooter, readMessage, safeNumber } from './metadata';
import { readSchema, type Field } from './schema';

/** Batches of values of each dictionary, by its id: what is appended to it makes it longer. */
export type Dictionaries = ReadonlyMap<bigint, readonly BatchPlace[]>;

/** Where a batch of rows, or of a dictionary's values, begins in the file. */
export interface BatchPlace {
  readonly offset: number;
  readonly rows: number;
}

export interface RecordBatchPlace extends BatchPlace {
  /** Rows in the batches before it. */
  readonly firstRow: number;
  /** As they stand for this batch: in a stream, a later batch may have others. */
  readonly dictionaries: Dictionaries;
}

export interface Ipc {
  readonly fields: readonly Field[];
  readonly batches: readonly RecordBatchPlace[];
  readonly rows: number;
}

const MAGIC = 'ARROW1';
/** Metadata of a hundred thousand columns takes about 10 MB. */
const MAX_METADATA = 128 * 1024 * 1024;

/** @throws {DecodeError} when it is not Arrow, is damaged, or of an unknown version */
export async function openIpc(source: ByteSource, pause: Pause): Promise<Ipc> {
  const head = ascii(source, 0, Math.min(MAGIC.length, source.size));
  if (head === MAGIC) return await openFile(source, pause);
  if (head.startsWith('FEA1')) {
    throw new DecodeError('unsupported', 'Feather files of version 1 are not read.');
  }
  return await openStream(source, pause);
}

async function openFile(source: ByteSource, pause: Pause): Promise<Ipc> {
  // Magic and two bytes of padding, messages, footer, its length, magic.
  const tail = source.size - MAGIC.length - 4;
  if (tail < 8 || ascii(source, tail + 4, MAGIC.length) !== MAGIC) {
    throw new DecodeError('damaged', 'The Arrow file is cut short: its footer is missing.');
  }
  const length = int32(source, tail);
  if (length <= 0 || length > tail - 8 || length > MAX_METADATA) {
    throw new DecodeError('damaged', `The Arrow file claims a footer of ${length} bytes.`);
  }
  const footer = readFooter(source.read(tail - length, length));
  checkVersion(footer.version());
  const reader = new BatchList(readSchema(footer.schema()));
  const dictionaries = checkCount(footer.bb, footer.dictionariesLength(), 24, 'dictionary batches');
  for (let i = 0; i < dictionaries; i += 1) {
    await pause();
    const offset = safeNumber(footer.dictionaries(i)?.offset() ?? 0n, "a dictionary batch's place");
    reader.addDictionary(offset, messageAt(source, offset, MessageHeader.DictionaryBatch).message);
  }
  const batches = checkCount(footer.bb, footer.recordBatchesLength(), 24, 'record batches');
  for (let i = 0; i < batches; i += 1) {
    await pause();
    const offset = safeNumber(footer.recordBatches(i)?.offset() ?? 0n, "a record batch's place");
    reader.addBatch(offset, messageAt(source, offset, MessageHeader.RecordBatch).message);
  }
  return reader.done();
}

async function openStream(source: ByteSource, pause: Pause): Promise<Ipc> {
  let found: PlacedMessage;
  try {
    found = messageAt(source, 0, MessageHeader.Schema);
  } catch (error) {
    throw new DecodeError('damaged', 'The bytes are not Arrow: they begin with no schema.', {
      cause: error,
    });
  }
  checkVersion(found.message.version());
  const reader = new BatchList(readSchema(found.message.header(new Schema()) as Schema | null));
  let offset = found.end;
  // A stream may end with a mark, or just end.
  while (offset + 4 <= source.size) {
    await pause();
    if (isEndMark(source, offset)) break;
    const { message, end } = messageAt(source, offset);
    const type = message.headerType();
    if (type === MessageHeader.RecordBatch) reader.addBatch(offset, message);
    else if (type === MessageHeader.DictionaryBatch) reader.addDictionary(offset, message);
    offset = end;
  }
  return reader.done();
}

/** Collects batches in their order, each with the dictionaries that stand when it comes. */
class BatchList {
  readonly #fields: readonly Field[];
  readonly #batches: RecordBatchPlace[] = [];
  #dictionaries: Dictionaries = new Map();
  #rows = 0;

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  addBatch(offset: number, message: Message): void {
    const table = message.header(new RecordBatch()) as RecordBatch | null;
    const rows = safeNumber(table?.length() ?? 0n, 'the rows of a record batch');
    this.#batches.push({ offset, rows, firstRow: this.#rows, dictionaries: this.#dictionaries });
    this.#rows = safeNumber(BigInt(this.#rows) + BigInt(rows), 'the rows of the table');
  }

  addDictionary(offset: number, message: Message): void {
    const table = message.header(new DictionaryBatch()) as DictionaryBatch | null;
    if (table === null) throw new DecodeError('damaged', 'A dictionary batch has no header.');
    const rows = safeNumber(table.data()?.length() ?? 0n, 'the values of a dictionary');
    const before = table.isDelta() ? (this.#dictionaries.get(table.id()) ?? []) : [];
    // A map of its own for each change: earlier record batches keep the one that they were given.
    const changed = new Map(this.#dictionaries);
    changed.set(table.id(), [...before, { offset, rows }]);
    this.#dictionaries = changed;
  }

  done(): Ipc {
    return { fields: this.#fields, batches: this.#batches, rows: this.#rows };
  }
}

export interface PlacedMessage {
  readonly message: Message;
  /** Where in the file its body begins, and where it ends. */
  readonly body: number;
  readonly end: number;
}

/**
 * @param wanted the kind of message that must be there
 * @throws {DecodeError} `damaged` when there is none, or its body is not all there
 */
export function messageAt(
  source: ByteSource,
  offset: number,
  wanted?: MessageHeader,
): PlacedMessage {
  // Before Arrow 0.15 the length came at once; since then, a marker of four bytes comes first.
  const marked = int32(source, offset) === -1;
  const start = offset + (marked ? 8 : 4);
  const length = int32(source, start - 4);
  if (length <= 0 || length > MAX_METADATA) {
    throw new DecodeError('damaged', `The Arrow message at ${offset} claims ${length} bytes.`);
  }
  const message = readMessage(source.read(start, length));
  const body = start + length;
  const end = body + safeNumber(message.bodyLength(), 'the length of a message');
  if (end > source.size) {
    const missing = end - source.size;
    throw new DecodeError('damaged', `The Arrow data is cut short: ${missing} bytes are missing.`);
  }
  if (wanted !== undefined && message.headerType() !== wanted) {
    const name = MessageHeader[wanted];
    throw new DecodeError('damaged', `There is no ${name} at ${offset}, where the file has one.`);
  }
  return { message, body, end };
}

function isEndMark(source: ByteSource, offset: number): boolean {
  const first = int32(source, offset);
  if (first === 0) return true;
  return first === -1 && offset + 8 <= source.size && int32(source, offset + 4) === 0;
}

function checkVersion(version: MetadataVersion): void {
  // Before V4 (Arrow 0.8, 2017) buffers were laid out otherwise; unions changed with V5.
  if (version === MetadataVersion.V4 || version === MetadataVersion.V5) return;
  throw new DecodeError('unsupported', `Arrow metadata of version ${version + 1} is not read.`);
}

function int32(source: ByteSource, offset: number): number {
  const bytes = source.read(offset, 4);
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
}

function ascii(source: ByteSource, offset: number, length: number): string {
  return String.fromCharCode(...source.read(offset, length));
}
