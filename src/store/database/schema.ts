import { Connection } from './Connection';
import { landed } from './landed';

/** `PRAGMA application_id` of every database of ours: "CELR". */
export const applicationId = 0x43454c52;
/** `PRAGMA user_version`, major * 1000 + minor, of the newest format that this program knows. */
export const formatVersion = Math.max(...landed.keys());

/** The schema of a database: the text of each object, and the columns of our tables. */
export interface Schema {
  /** By type and name, `table cells`; comments and layout taken out. */
  readonly objects: ReadonlyMap<string, string>;
  /** By table and name, `cells code`: type, default and place in the primary key. */
  readonly columns: ReadonlyMap<string, string>;
}

/**
 * How a schema stands to ours: `equal`; `extended`, all of ours and more, none of which runs by
 * itself; `triggered`, which has triggers that we do not know; or `other`.
 */
export type Likeness = 'equal' | 'extended' | 'triggered' | 'other';

/** What SQLite itself adds: statistics, counters and the indices behind UNIQUE. */
const sqlitesOwn = `type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4', 'sqlite_sequence')
  OR type = 'index' AND sql IS NULL AND name LIKE 'sqlite!_autoindex!_%' ESCAPE '!'`;

export async function readSchema(connection: Connection): Promise<Schema> {
  const objects = new Map<string, string>();
  const rows = await connection.all(
    `SELECT type, name, sql FROM sqlite_schema WHERE NOT coalesce(${sqlitesOwn}, 0)`,
  );
  for (const { type, name, sql } of rows) {
    objects.set(`${String(type)} ${String(name)}`, bare(String(sql)));
  }
  const columns = new Map<string, string>();
  for (const [object, sql] of objects) {
    // Asking a virtual table for its columns would run the module behind it.
    if (!/^CREATE TABLE /i.test(sql)) continue;
    const table = object.slice('table '.length);
    const shape = await connection.all('SELECT * FROM pragma_table_xinfo(?)', table);
    for (const { name, type, notnull, dflt_value, pk, hidden } of shape) {
      columns.set(
        `${table} ${String(name)}`,
        JSON.stringify([type, notnull, dflt_value, pk, hidden]),
      );
    }
  }
  return { objects, columns };
}

export function compareSchemas(ours: Schema, theirs: Schema): Likeness {
  const own = [...ours.objects];
  const more = [...theirs.objects.keys()].filter((object) => !ours.objects.has(object));
  if (more.length === 0 && own.every(([object, sql]) => theirs.objects.get(object) === sql)) {
    return 'equal';
  }
  // Adding a column changes a table's text, so tables are compared column by column.
  const holds =
    own.every(([object, sql]) =>
      object.startsWith('table ') ? theirs.objects.has(object) : theirs.objects.get(object) === sql,
    ) && [...ours.columns].every(([column, shape]) => theirs.columns.get(column) === shape);
  if (!holds) return 'other';
  return more.some((object) => object.startsWith('trigger ')) ? 'triggered' : 'extended';
}

const expected = new Map<number, Promise<Schema>>();

/**
 * The schema of a format, as SQLite itself understands it; of a newer one than ours, which may only
 * add to it, that of ours. `undefined` for a version that was never landed.
 */
export function schemaOf(version: number): Promise<Schema> | undefined {
  const known = Math.min(version, formatVersion);
  if (!landed.has(known)) return undefined;
  const schema = expected.get(known) ?? layOut(known);
  expected.set(known, schema);
  return schema;
}

async function layOut(version: number): Promise<Schema> {
  const connection = await Connection.open('schema.sql', 'memory');
  try {
    for (const [each, script] of landed) if (each <= version) await connection.exec(script);
    return await readSchema(connection);
  } finally {
    await connection.close();
  }
}

/** Comments and layout out, string literals as they are. */
function bare(sql: string): string {
  return sql
    .replace(/('(?:[^']|'')*'|"(?:[^"]|"")*")|--[^\n]*|\/\*[^]*?\*\/|\s+/g, (_, literal) =>
      typeof literal === 'string' ? literal : ' ',
    )
    .replace(/ +/g, ' ')
    .trim();
}
