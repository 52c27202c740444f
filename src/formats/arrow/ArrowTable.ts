/** Pages of an Arrow table. */
import type { Column, CostlyPage, PageRequest, TablePage } from '../../protocol/pages';
import { cachedSource, type ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import type { Pause, Value } from '../Value';
import { MAX_COLUMNS, MAX_ROWS } from '../limits';
import { Kept, type Sources } from './Buffer';
import { openIpc, type Ipc, type RecordBatchPlace } from './ipc';
import { valueText } from './text';
import { alignment, typeName } from './typeName';
import { cost, readColumns, type Vector } from './vector';

/**
 * Reads the schema and where the record batches are, no more.
 * @throws {DecodeError} when it is not Arrow, is damaged, or of an unknown version
 */
export async function openArrow(source: ByteSource, pause: Pause): Promise<Value> {
  const near = cachedSource(source);
  const ipc = await openIpc(near, pause);
  return new ArrowTable(ipc, { near, far: source, kept: new Kept() });
}

/** Rows `from` to `to` of one record batch, counted within it. */
interface Part {
  readonly place: RecordBatchPlace;
  readonly from: number;
  readonly to: number;
  readonly columns: readonly (Vector | DecodeError)[];
}

/** A column of the page while it is filled, from one record batch after the other. */
interface Filling {
  readonly texts: (string | null)[];
  unreadable: string | undefined;
}

class ArrowTable implements Value {
  readonly #ipc: Ipc;
  readonly #sources: Sources;

  constructor(ipc: Ipc, sources: Sources) {
    this.#ipc = ipc;
    this.#sources = sources;
  }

  async page(request: PageRequest, pause: Pause): Promise<TablePage | CostlyPage> {
    const { fields, rows, batches } = this.#ipc;
    const from = clamp(request.from, rows);
    const to = from + clamp(request.count, Math.min(MAX_ROWS, rows - from));
    const fromColumn = clamp(request.fromColumn ?? 0, fields.length);
    const shown = fields.slice(fromColumn, fromColumn + MAX_COLUMNS);
    const parts = this.#parts(from, to, fromColumn, fromColumn + shown.length);
    if (!request.allowCostly) {
      const costly = this.#costly(parts, request.maxBatchSize);
      if (costly !== undefined) {
        const columns = shown.map((field) => column(field, undefined));
        return { kind: 'costly', columns, total: rows, ...costly };
      }
    }
    const filled: Filling[] = [];
    for (let index = 0; index < shown.length; index += 1) {
      filled.push(await fill(parts, index, to - from, pause));
    }
    return {
      kind: 'table',
      columns: shown.map((field, index) => column(field, filled[index]?.unreadable)),
      rows: Array.from({ length: to - from }, (_, row) =>
        filled.map(({ texts }) => texts[row] ?? null),
      ),
      from,
      total: rows,
      fromColumn,
      totalColumns: fields.length,
      batches: batches.length,
    };
  }

  /** The record batches that hold rows `from` to `to`, and nothing of any other one. */
  #parts(from: number, to: number, fromColumn: number, toColumn: number): Part[] {
    return this.#ipc.batches
      .filter(({ firstRow, rows }) => rows > 0 && firstRow < to && firstRow + rows > from)
      .map((place) => ({
        place,
        from: Math.max(0, from - place.firstRow),
        to: Math.min(place.rows, to - place.firstRow),
        columns: readColumns(this.#sources, this.#ipc.fields, place, fromColumn, toColumn),
      }));
  }

  #costly(
    parts: readonly Part[],
    max: number,
  ): Pick<CostlyPage, 'batchRows' | 'batchSize'> | undefined {
    for (const { place, columns } of parts) {
      const batchSize = columns.reduce((sum, vector) => sum + costOf(vector), 0);
      if (batchSize > max) return { batchRows: place.rows, batchSize };
    }
    return undefined;
  }
}

/** A column that cannot be read costs nothing; why it cannot is told when it is filled. */
function costOf(column: Vector | DecodeError): number {
  if (column instanceof DecodeError) return 0;
  try {
    return cost(column);
  } catch (error) {
    if (error instanceof DecodeError) return 0;
    throw error;
  }
}

async function fill(
  parts: readonly Part[],
  index: number,
  rows: number,
  pause: Pause,
): Promise<Filling> {
  const texts: (string | null)[] = [];
  for (const { columns, from, to } of parts) {
    await pause();
    const vector = columns[index];
    try {
      if (vector === undefined || vector instanceof DecodeError) {
        throw vector ?? new DecodeError('damaged', 'The column is missing.');
      }
      for (let row = from; row < to; row += 1) texts.push(valueText(vector, row));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // Half a column would look like a whole one with nulls in it.
      return { texts: new Array<null>(rows).fill(null), unreadable: error.message };
    }
  }
  return { texts, unreadable: undefined };
}

function column(field: Ipc['fields'][number], unreadable: string | undefined): Column {
  const { name } = field;
  const shown = { name, type: typeName(field), align: alignment(field) };
  return unreadable === undefined ? shown : { ...shown, unreadable };
}

function clamp(value: number, max: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.trunc(value)), max) : 0;
}
