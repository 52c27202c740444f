/**
 * What the store tells about a database, as plain data. None of it holds a blob's bytes, so listing
 * costs the same for a cache of megabytes and of gigabytes. Times are Unix seconds, sizes are bytes,
 * durations are seconds, digests are lower-case hex.
 */

/** A notebook that has, or had, results in the cache. */
export interface AppSummary {
  readonly appId: number;
  /** Relative to the database's folder, with forward slashes: `../../analysis.py`. */
  readonly path: string;
  /** The notebook's absolute path on this machine, `path` resolved. The file may be gone. */
  readonly notebook: string;
  readonly lastSeenAt: number;
  /** Cells with at least one entry. */
  readonly cells: number;
  readonly entries: number;
  readonly size: number;
  /** Seconds it took to compute all that is cached. */
  readonly runtime: number;
}

/** A cell of an app, with what its entries amount to. */
export interface CellSummary {
  readonly cellId: number;
  readonly appId: number;
  /** Absent when the notebook gives the cell no name. */
  readonly name: string | undefined;
  readonly ordinal: number;
  readonly code: string;
  readonly defs: readonly string[];
  readonly lastSeenAt: number;
  /** Set once the cell is gone from the notebook: its entries are orphans. */
  readonly retiredAt: number | undefined;
  readonly entries: number;
  readonly size: number;
  readonly runtime: number;
  readonly pinned: number;
  /** Seconds that the current entries save: the sum of their runtimes. */
  readonly saves: number;
  /** When the most recently used entry was saved or hit. */
  readonly lastUsedAt: number | undefined;
}

export type CacheType = 'P' | 'C' | 'E' | 'X' | 'D' | 'U';
export type Format = 'arrow' | 'json' | 'npy' | 'pickle' | 'pt' | 'bin' | 'manifest';

/** Which marimo, Python and cache format made an entry. */
export interface Versions {
  readonly marimo?: string;
  readonly python?: string;
  readonly cache?: string;
}

/** One cached result. */
export interface EntrySummary {
  readonly entryId: number;
  readonly cellId: number;
  /** `cell_cache`, or the name given to `persistent_cache`. */
  readonly cacheName: string;
  readonly cacheType: CacheType;
  /** marimo's key for the entry. */
  readonly hash: string;
  readonly loader: string;
  /** The cell as it stood, as the digest of a Merkle node. */
  readonly node: string | undefined;
  readonly runtime: number | undefined;
  readonly createdAt: number;
  readonly lastHitAt: number | undefined;
  readonly hits: number;
  readonly pinned: boolean;
  readonly versions: Versions;
  readonly items: number;
  /** Bytes its items refer to, each blob once. */
  readonly size: number;
  /** Whether it stands on the same node as the cell's most recently used entry of its name. */
  readonly current: boolean;
}

/** One stored value of an entry. */
export interface ItemSummary {
  readonly entryId: number;
  /** marimo's store key. */
  readonly key: string;
  /** The variable, `return`, `ui` or `manifest`. */
  readonly name: string;
  readonly format: Format;
  readonly typeHint: string | undefined;
  readonly digest: string;
  readonly size: number;
  /** Relative to `blobs/`, when the bytes are a file and not in the row. */
  readonly file: string | undefined;
  readonly quarantined: boolean;
}

/** What a run met for a cell. */
export interface LookupSummary {
  readonly cellId: number;
  readonly cacheName: string;
  readonly hash: string;
  readonly outcome: 'hit' | 'miss';
  readonly at: number;
  /** Load time of a hit, run time of a miss. */
  readonly seconds: number | undefined;
  readonly why: string | undefined;
}

/** What a clear takes away, told before it is done and again after. */
export interface Clearance {
  readonly apps: readonly string[];
  readonly cells: number;
  readonly entries: number;
  /** Bytes of blobs that nothing else refers to, thus what the disk gets back. */
  readonly size: number;
  /** Seconds to compute it all again. */
  readonly runtime: number;
  readonly pinned: number;
}
