/**
 * A record batch's metadata: how many values each column has, and where its buffers lie.
 * Source: https://github.com/apache/arrow/blob/main/format/Message.fbs
 */
import { CompressionType } from 'apache-arrow/fb/compression-type';
import type { RecordBatch } from 'apache-arrow/fb/record-batch';
import { DecodeError } from '../DecodeError';
import type { Codec } from './Buffer';
import { checkCount, safeNumber } from './metadata';

export interface BatchHeader {
  readonly rows: number;
  /** One a field, nested ones included, parents before children. */
  readonly nodes: readonly { readonly length: number; readonly nulls: number }[];
  /** In the order of the fields; offsets count from the beginning of the message's body. */
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  /** How many data buffers each view column has, in the order of the fields. */
  readonly viewBuffers: readonly number[];
  readonly codec: Codec | undefined;
}

/** @throws {DecodeError} when it is damaged, or compressed in a way that is not known */
export function readBatchHeader(table: RecordBatch | null): BatchHeader {
  if (table === null) throw new DecodeError('damaged', 'A record batch has no header.');
  const nodes = checkCount(table.bb, table.nodesLength(), 16, 'field nodes');
  const buffers = checkCount(table.bb, table.buffersLength(), 16, 'buffers');
  const views = checkCount(table.bb, table.variadicBufferCountsLength(), 8, 'view columns');
  return {
    rows: safeNumber(table.length(), 'the rows of a record batch'),
    nodes: Array.from({ length: nodes }, (_, i) => {
      const node = table.nodes(i);
      return {
        length: safeNumber(node?.length() ?? 0n, 'the length of a column'),
        nulls: safeNumber(node?.nullCount() ?? 0n, 'the nulls of a column'),
      };
    }),
    buffers: Array.from({ length: buffers }, (_, i) => {
      const buffer = table.buffers(i);
      return {
        offset: safeNumber(buffer?.offset() ?? 0n, 'the place of a buffer'),
        length: safeNumber(buffer?.length() ?? 0n, 'the length of a buffer'),
      };
    }),
    viewBuffers: Array.from({ length: views }, (_, i) => {
      const count = safeNumber(table.variadicBufferCounts(i) ?? 0n, 'the buffers of a view column');
      return checkCount(table.bb, count, 16, 'view buffers');
    }),
    codec: readCodec(table),
  };
}

function readCodec(table: RecordBatch): Codec | undefined {
  const compression = table.compression();
  if (compression === null) return undefined;
  const codec = compression.codec();
  switch (codec) {
    case CompressionType.LZ4_FRAME:
      return 'lz4';
    case CompressionType.ZSTD:
      return 'zstd';
    default:
      throw new DecodeError('unsupported', `Arrow compression ${String(codec)} is not read.`);
  }
}
