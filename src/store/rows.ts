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
  /**
   * Seconds that the current entries of its cells save that are not obsolete: the sum of their
   * runtimes, less what they last took to load; if added up.
   */
  readonly saves: number | undefined;
  /** What those cost in money, where anybody said so. */
  readonly amount?: number;
  /** When the most recently used entry was saved or hit; if looked for. */
  readonly lastUsedAt: number | undefined;
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
  /**
   * Seconds that the current entries that are not obsolete save: the sum of their runtimes, less what
   * they last took to load.
   */
  readonly saves: number;
  /** What those cost in money, where anybody said so. */
  readonly amount?: number;
  /** When the most recently used entry was saved or hit. */
  readonly lastUsedAt: number | undefined;
  /** Whether the marimo that the notebook ran with last reads none of its entries. */
  readonly obsolete: boolean;
  /** Whether marimo runs it each time, since it makes UI elements: its own result saves nothing. */
  readonly again: boolean;
}

export const cacheTypes = ['P', 'C', 'E', 'X', 'D', 'U'] as const;
/** marimo's letter: pure, content addressed, execution path, context execution path, deferred, unknown. */
export type CacheType = (typeof cacheTypes)[number];

export const formats = ['arrow', 'json', 'npy', 'pickle', 'pt', 'bin', 'manifest'] as const;
export type Format = (typeof formats)[number];

export const outcomes = ['hit', 'miss'] as const;
/** How a file that was read is known. */
export const readings = ['opened', 'named'] as const;

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
  /** Seconds of that, less those that it took to load when it was served last. */
  readonly saves: number | undefined;
  /** What it cost in money, and would again, where anybody said so. */
  readonly amount?: number;
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
  /** Whether the marimo that the notebook ran with last does not read it. */
  readonly obsolete: boolean;
  /** Whether it is the own result of a cell that marimo runs each time: it saves nothing. */
  readonly again: boolean;
  /** With what the function was called whose result it is, where that is known. */
  readonly call?: readonly Argument[];
}

/** One argument of a call, its value as Python writes it and shortened: `'Why is the sky…'`. */
export interface Argument {
  readonly name: string;
  readonly value: string;
}

/** A result that was searched for, with the cell that it is of. */
export interface FoundEntry {
  readonly entry: EntrySummary;
  readonly cell: {
    readonly cellId: number;
    readonly appId: number;
    readonly name: string | undefined;
    /** Its beginning, where it is long. */
    readonly code: string;
    readonly retiredAt: number | undefined;
  };
  /** Whether it was found by its call or by names, and not by its cell's code alone. */
  readonly isNamed: boolean;
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

/** A value, with when its entry was made: ids are given out again. */
export interface DatedItem extends ItemSummary {
  readonly createdAt: number;
}

/** What a run met for a cell. */
export interface LookupSummary {
  /** Higher than that of every lookup of the cell that was written before. */
  readonly lookupId: number;
  readonly cellId: number;
  readonly cacheName: string;
  readonly hash: string;
  readonly outcome: (typeof outcomes)[number];
  readonly at: number;
  /** Load time of a hit, run time of a miss. */
  readonly seconds: number | undefined;
  /** What it took to compute the result that is kept of it, if one is. */
  readonly computedIn: number | undefined;
  /** Of a miss, an English sentence. */
  readonly why: string | undefined;
  /** The same for programs, also of a hit: a JSON array, see `src/protocol/reasons.ts`. Since 1.1. */
  readonly reasons: string | undefined;
}

/** A file that a cell read while it computed an entry, as it was when the cell ended. */
export interface ReadSummary {
  readonly entryId: number;
  /** Relative to the notebook's folder, with forward slashes. */
  readonly path: string;
  /** `named`: the cell's code has its path, and may have read it by other means than Python's. */
  readonly how: (typeof readings)[number];
  readonly size: number;
  readonly modifiedAt: number;
  /** Absent for a file that was too large to ask. */
  readonly digest: string | undefined;
}

/** What a clear would cost: whether to ask first depends on it. */
export interface Stake {
  readonly cells: number;
  readonly entries: number;
  /** Seconds to compute it all again. */
  readonly runtime: number;
  /** What it cost in money, and would again, and the seconds of waiting that this is worth. */
  readonly amount: number;
  readonly worth: number;
  readonly pinned: number;
}

/** What a clear takes away, told before it is done and again after. */
export interface Clearance extends Stake {
  readonly apps: readonly string[];
  /** Bytes of blobs that nothing else refers to, thus what the disk gets back. */
  readonly size: number;
}

/** The same before it is done. */
export interface ClearPlan extends Clearance {
  /** Whether it is so little that it can be kept for a while, and brought back. */
  readonly undoable: boolean;
}

/** What came of bringing entries back. */
export interface BroughtBack {
  readonly entries: number;
  /** Those that were computed again meanwhile. */
  readonly there: number;
  /** Those whose cell was cleared again or is gone, or whose bytes are. */
  readonly lost: number;
}

/** What a clear leaves over, which nobody waits for: blobs in rows, and notebooks with nodes, by id. */
export interface Leftovers {
  readonly blobIds: readonly number[];
  readonly appIds: readonly number[];
}

/** What a clear takes: everything of an app, everything of a cell, or one result. */
export type ClearTarget =
  | { readonly kind: 'app'; readonly appId: number }
  | { readonly kind: 'cell'; readonly cellId: number }
  | { readonly kind: 'entry'; readonly entryId: number };

/** What marimo knows an entry by. */
export interface EntryKey {
  readonly cacheName: string;
  readonly cacheType: CacheType;
  readonly hash: string;
  readonly loader: string;
}

/** Why bytes cannot be had. None of it harms the rest of the cache. */
export interface Lost {
  readonly kind: 'lost';
  readonly why:
    /** The entry was cleared or replaced meanwhile. */
    | 'cleared'
    /** The file is not there. */
    | 'missing'
    /** The file or row is shorter or longer than it was. */
    | 'wrongSize'
    /** The bytes are not those that were saved. */
    | 'wrongBytes'
    /** These bytes were saved for another key. */
    | 'wrongSeal'
    /** Found wrong before. */
    | 'quarantined'
    /** The row names a path that no Cellar writes, or a link stands in the way. */
    | 'unsafePath'
    /** A row so large that SQLite would need all of it in memory. */
    | 'tooLarge';
}

/** `own` is false when the entry is another cell's and equal in all that marimo compares. */
export type Lookup =
  | { readonly kind: 'hit'; readonly entry: EntrySummary; readonly own: boolean }
  | { readonly kind: 'miss'; readonly why: 'noCell' | 'noEntry' | 'cleared' };

/** All values of an entry, their bytes checked. */
export type Load =
  | { readonly kind: 'hit'; readonly entry: EntrySummary; readonly items: readonly LoadedItem[] }
  | { readonly kind: 'miss'; readonly key: string | undefined; readonly why: Lost['why'] };

export interface LoadedItem {
  readonly item: ItemSummary;
  readonly content: Bytes | BlobFile;
}

/** The bytes of a value that lives in its row. */
export interface Bytes {
  readonly kind: 'bytes';
  readonly bytes: Buffer;
}

/** The file of a value: absolute, reached through no link, as long as the row says. */
export interface BlobFile {
  readonly kind: 'file';
  readonly path: string;
  readonly size: number;
}

/** A result to save. */
export interface NewEntry extends EntryKey {
  readonly cell: NewCell | NoCell;
  readonly node: NewNode | undefined;
  readonly runtime: number | undefined;
  readonly versions: Versions;
  /** Those that are held already are not held any more, whatever comes of the save. */
  readonly items: readonly (NewItem | HeldItem)[];
}

/** The cell that a result belongs to, as it stands in the notebook. */
export interface NewCell {
  /** The notebook, as `apps.path` has it. */
  readonly app: string;
  /** Absent for a cell that the cache does not know yet. */
  readonly cellId: number | undefined;
  readonly name: string | undefined;
  readonly ordinal: number;
  readonly code: string;
  readonly defs: readonly string[];
}

/** Stands for the cell of what no cell of an app saved. */
export interface NoCell {
  /** As `apps.path` has it. */
  readonly outsideOf: string;
}

/** A result that was made before, by nobody knows which cell. */
export interface OldEntry extends NewEntry {
  readonly cell: NoCell;
  /** Unix seconds. */
  readonly madeAt: number;
}

/** The cell's code and what it depended on; the digest is of the normalised code. */
export interface NewNode {
  readonly codeDigest: string;
  readonly code: string;
  readonly parents: readonly string[];
}

/** A value to save; its bytes are read once, in order, and may come in pieces of any size. */
export interface NewItem {
  readonly key: string;
  readonly name: string;
  readonly format: Format;
  readonly typeHint: string | undefined;
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * A value whose bytes have been read, ahead of the save that they are for: in memory, or when they are
 * many in a file beside the blobs that has no name yet.
 */
export interface HeldItem {
  readonly item: NewItem;
  readonly digest: string;
  readonly size: number;
  readonly crc32: number;
  readonly held: { readonly bytes: Buffer } | { readonly partial: string };
}
