import { CacheError } from '../database/CacheError';
import type { Versions } from '../rows';

/**
 * One column of a listing: the SQL that yields it and what is believed of it. SQLite lets any value
 * stand in any column, so the SQL passes only values of the right type (a blob would make the whole
 * JSON array fail), and `parse` refuses the null that stands for the others.
 */
export interface Field<T> {
  readonly sql: string;
  readonly parse: (value: unknown) => T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type Parsed<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/**
 * A listing as one row: SQLite makes a JSON array of arrays, which Node parses three times faster
 * than the native module hands over as many rows.
 */
export class Listing<F extends Fields> {
  constructor(
    private readonly what: string,
    private readonly fields: F,
  ) {}

  /** @param from the FROM clause and what follows; the order of the rows is not promised. */
  sql(from: string): string {
    const columns = Object.values(this.fields).map(({ sql }) => sql);
    return `(SELECT json_group_array(json_array(${columns.join(', ')})) FROM ${from})`;
  }

  /** @throws CacheError naming the column, when a value is not what the format says. */
  parse(json: unknown, path: string): Parsed<F>[] {
    const rows: unknown = typeof json === 'string' ? JSON.parse(json) : undefined;
    if (!Array.isArray(rows)) throw new Error(`No listing of ${this.what}`);
    const fields = Object.entries(this.fields);
    return rows.map((row: unknown[]) => {
      const parsed: Record<string, unknown> = {};
      for (const [i, [name, field]] of fields.entries()) {
        try {
          parsed[name] = field.parse(row[i]);
        } catch (cause) {
          throw new CacheError(
            'damaged',
            path,
            `${path} holds ${this.what} whose ${name} cannot be right. ` +
              'Clear the notebook it belongs to, or delete the file.',
            { cause },
          );
        }
      }
      return parsed as Parsed<F>;
    });
  }
}

/** An id, a count, a size or a position; what was saved outside of any cell has position -1. */
export function integer(column: string): Field<number> {
  return {
    sql: `CASE typeof(${column}) WHEN 'integer' THEN ${column} END`,
    parse: (value) => {
      if (!isSafeInteger(value)) throw wrong('whole number', value);
      return value;
    },
  };
}

/** A sum that SQLite computes here and now; `total` rather than `sum`, which fails beyond 64 bits. */
export function sum(expression: string): Field<number> {
  return { sql: expression, parse: (value) => Math.round(parseReal(value)) };
}

/** Unix seconds or a duration. Times come with 15 digits, thus to 10 microseconds. */
export function real(column: string): Field<number> {
  // 1e15 keeps infinities out, which have no JSON.
  return {
    sql: `CASE WHEN typeof(${column}) IN ('real', 'integer') AND ${column} BETWEEN -1e15 AND 1e15
      THEN ${column} END`,
    parse: parseReal,
  };
}

export function text(column: string): Field<string> {
  return {
    sql: `CASE typeof(${column}) WHEN 'text' THEN ${column} END`,
    parse: (value) => {
      if (typeof value !== 'string') throw wrong('text', value);
      return value;
    },
  };
}

export function oneOf<T extends string>(column: string, values: readonly T[]): Field<T> {
  const { sql, parse } = text(column);
  return {
    sql,
    parse: (value) => {
      const found = values.find((each) => each === parse(value));
      if (found === undefined) throw wrong(values.join(' or '), value);
      return found;
    },
  };
}

/** A SHA-256 as lower-case hex. */
export function digest(column: string): Field<string> {
  return {
    sql: `CASE typeof(${column}) WHEN 'blob' THEN lower(hex(${column})) END`,
    parse: parseDigest,
  };
}

/** A truth; anything but 0 counts as true. */
export function flag(expression: string): Field<boolean> {
  return { sql: expression, parse: (value) => value !== 0 && value !== null };
}

/** A JSON array of names; what is not one counts as empty, since nothing but recognition hangs on it. */
export function names(column: string): Field<readonly string[]> {
  return { sql: text(column).sql, parse: (value) => parseJsonArray(value) };
}

/** A JSON array of digests. */
export function digests(column: string): Field<readonly string[]> {
  return { sql: text(column).sql, parse: (value) => parseJsonArray(value).map(parseDigest) };
}

/** The JSON object of versions; what it does not tell is absent. */
export function versions(column: string): Field<Versions> {
  return {
    sql: text(column).sql,
    parse: (value) => {
      const found = parseJson(value);
      if (typeof found !== 'object' || found === null) return {};
      const { marimo, python, cache } = found as Record<string, unknown>;
      return {
        ...(typeof marimo === 'string' ? { marimo } : {}),
        ...(typeof python === 'string' ? { python } : {}),
        ...(typeof cache === 'string' || typeof cache === 'number' ? { cache: String(cache) } : {}),
      };
    },
  };
}

/** Null, where the format allows it. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    sql: field.sql,
    parse: (value) => (value === null ? undefined : field.parse(value)),
  };
}

function isSafeInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function parseReal(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong('number', value);
  return value;
}

function parseDigest(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw wrong('digest', value);
  return value;
}

function parseJsonArray(value: unknown): string[] {
  const found = parseJson(value);
  return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : [];
}

function parseJson(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : undefined;
  } catch {
    return undefined;
  }
}

function wrong(expected: string, value: unknown): Error {
  return new Error(`Expected a ${expected}, found ${JSON.stringify(value)}`);
}
