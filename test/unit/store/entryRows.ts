/** Rows of entries, as SQL, for the tests of what is listed. */

/** A node, as SQL. */
export const node = (letter: string) => `x'${letter.repeat(64)}'`;

/** An app with one cell. */
export const oneCell = `INSERT INTO apps VALUES (1, '../../nb.py', 100);
  INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES (1, 1, 0, 'x = 1', 100);`;

export interface Row {
  readonly id: number;
  readonly name?: string;
  readonly node?: string;
  readonly runtime?: number;
  readonly created: number;
  readonly hit?: number;
  readonly cell?: number;
  readonly pinned?: boolean;
}

/** The SQL that makes an entry. */
export function insert({ id, created, hit, runtime, pinned, ...row }: Row): string {
  return `INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, node, runtime,
      created_at, last_hit_at, pinned)
    VALUES (${id}, ${row.cell ?? 1}, '${row.name ?? 'cell_cache'}', 'C', 'h${id}', 'lazy',
      ${row.node ?? 'NULL'}, ${runtime ?? 'NULL'}, ${created}, ${hit ?? 'NULL'}, ${pinned ? 1 : 0});`;
}
