import { Listing, integer, optional, real, text, versions } from './fields';
import type { Connection, Value } from '../database/Connection';
import type { Versions } from '../rows';

/**
 * Which results are obsolete: marimo reads one cache format, and a notebook is most likely run next by
 * the marimo that ran it last. What is of another format saves nothing.
 */

/** @param format the one that marimo reads; of an entry that names none, nobody can tell that it does not */
export function isReadable({ cache }: Versions, format: string | undefined): boolean {
  return cache === undefined || cache === format;
}

/** The format of what was saved or served last, among those that name one. */
export function formatOf(
  all: readonly { readonly versions: Versions; readonly usedAt: number }[],
): string | undefined {
  const known = all.filter(({ versions: { cache } }) => cache !== undefined);
  return known.reduce<(typeof known)[number] | undefined>(
    (last, each) => (last !== undefined && last.usedAt >= each.usedAt ? last : each),
    undefined,
  )?.versions.cache;
}

/** Of one notebook, what `entries.versions` says of the results that its marimo does not read. */
export interface Obsolete {
  readonly appId: number;
  readonly versions: string;
}

const kinds = new Listing('a result', { versions: versions('v.versions') });
const uses = new Listing('a result', {
  appId: integer('u.app_id'),
  text: optional(text('u.versions')),
  versions: versions('u.versions'),
  usedAt: real('u.used_at'),
});

/**
 * What is obsolete of the notebooks that a query is about: mostly nothing, and then no entry is looked
 * into.
 * @param app SQL that yields the notebooks' ids, asked with `id` as `?1`; of all notebooks when absent
 */
export async function findObsolete(
  connection: Connection,
  app?: { readonly sql: string; readonly id: Value },
): Promise<readonly Obsolete[]> {
  const chosen =
    app === undefined
      ? 'true'
      : `cell_id IN (SELECT cell_id FROM cells WHERE app_id IN (${app.sql}))`;
  const values = app === undefined ? [] : [app.id];
  const seen = await connection.get(
    `SELECT ${kinds.sql(`(SELECT DISTINCT versions FROM entries WHERE ${chosen}) AS v`)} AS seen`,
    ...values,
  );
  const formats = kinds.parse(seen?.seen, connection.path).map((each) => each.versions.cache);
  if (new Set(formats.filter((format) => format !== undefined)).size < 2) return [];
  const row = await connection.get(
    `SELECT ${uses.sql(
      `(SELECT app_id, versions, max(max(created_at, coalesce(last_hit_at, created_at))) AS used_at
        FROM entries JOIN cells USING (cell_id) WHERE ${chosen} GROUP BY app_id, versions) AS u`,
    )} AS uses`,
    ...values,
  );
  const all = uses.parse(row?.uses, connection.path);
  return [...new Set(all.map(({ appId }) => appId))].flatMap((appId) => {
    const own = all.filter((each) => each.appId === appId);
    const format = formatOf(own);
    return own.flatMap((each) =>
      each.text === undefined || isReadable(each.versions, format)
        ? []
        : [{ appId, versions: each.text }],
    );
  });
}

/**
 * Whether a row of `entries` is obsolete, as SQL.
 * @param parameter that is bound to the JSON of what {@link findObsolete} found
 */
export function isObsolete(parameter: string): string {
  return `entry_id IN (
    SELECT o.entry_id FROM json_each(${parameter}) AS found
      CROSS JOIN cells AS oc ON oc.app_id = json_extract(found.value, '$.appId')
      CROSS JOIN entries AS o ON o.cell_id = oc.cell_id
        AND o.versions = json_extract(found.value, '$.versions'))`;
}
