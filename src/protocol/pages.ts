/**
 * A page of a value: what a decoder makes of a blob and the preview shows. All of it is plain data
 * that survives `postMessage`. Text comes from files that strangers may have written: it is shown as
 * text, never as markup.
 */
export type Page =
  TablePage | TreePage | ArrayPage | PicklePage | BytesPage | RandomPage | CostlyPage;

/** What is asked of a decoder. Only tables are paged; the other kinds answer with all they show. */
export interface PageRequest {
  /** The first row wanted. Beyond the last one, the page has no rows. */
  readonly from: number;
  /** How many rows; never more than 200 are given. */
  readonly count: number;
  /** The first column wanted, 0 where absent; never more than 200 columns are given. */
  readonly fromColumn?: number;
  /** Whether to decode a record batch that is larger than `maxBatchSize`. */
  readonly allowCostly: boolean;
  /** Bytes that one record batch may take decompressed before the user is asked. */
  readonly maxBatchSize: number;
}

export interface Column {
  readonly name: string;
  /** As pyarrow says it: `int64`, `string`, `timestamp[us]`; of a pickled frame, as pandas does. */
  readonly type: string;
  readonly align: 'left' | 'right';
  /** Set when this column alone cannot be read, with the reason; all its cells are `null` then. */
  readonly unreadable?: string;
}

/** Rows `from` to `from + rows.length` of a table; at most 200 of them. */
export interface TablePage {
  readonly kind: 'table';
  /** Columns `fromColumn` to `fromColumn + columns.length`; at most 200 of them. */
  readonly columns: readonly Column[];
  /** One text a cell; `null` where the table has none. Long texts are cut, ending in `…`. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly from: number;
  readonly total: number;
  readonly fromColumn: number;
  readonly totalColumns: number;
  readonly batches: number;
}

/** A JSON text as it stands; cut where it is long. */
export interface TreePage {
  readonly kind: 'tree';
  readonly root: TreeNode;
  /** Set when the text ends early, is damaged or too large to be shown whole, with the reason. */
  readonly incomplete: string | undefined;
}

export interface TreeNode {
  readonly key: string;
  /**
   * `instance` is of a class that JSON lacks, which its text says. `cut` stands for members that are left
   * out; its text says how many, or that there are more. Of a `picture` it says how many bytes it has.
   */
  readonly type:
    'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'instance' | 'cut' | 'picture';
  /** The value as text; for an object or array, how many members it has. */
  readonly text: string;
  /** The data URL of a picture. */
  readonly picture?: string;
  readonly children?: readonly TreeNode[];
}

/** A numpy array: its header, and its first values in C order, one text a value. */
export interface ArrayPage {
  readonly kind: 'array';
  /** As numpy says it: `float64`, `<U12`, `datetime64[ns]`, `(x: float32, y: float32)`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  /** The innermost dimension is a row; a vector has one row, and so has a single value. */
  readonly rows: readonly (readonly string[])[];
  /** One label a row, its place in the outer dimensions: `3`, or `0, 3`; empty for a vector's row. */
  readonly labels: readonly string[];
  readonly truncated: boolean;
  /** Set when the values cannot be read, with the reason; there are no rows then. */
  readonly unreadable: string | undefined;
}

/** A pickle, never loaded: what its opcodes tell. */
export interface PicklePage {
  readonly kind: 'pickle';
  readonly protocol: number | undefined;
  readonly size: number;
  /** What it holds, where its opcodes can be followed. */
  readonly root: TreeNode | undefined;
  /** `module.name` of everything that loading it would import, in order of first use. */
  readonly refersTo: readonly string[];
  /** Short texts found in it, for recognition where there is no tree. */
  readonly strings: readonly string[];
  /** Set when the walk ended early, with what stood in its way. */
  readonly incomplete: string | undefined;
}

/** Bytes of a kind that Cellar does not read. */
export interface BytesPage {
  readonly kind: 'bytes';
  readonly size: number;
  /** The first bytes, 16 a row, as offset, hexadecimal and printable text. */
  readonly head: readonly string[];
}

/** Where random numbers go on after a cell: of which generators the state is kept. */
export interface RandomPage {
  readonly kind: 'random';
  readonly generators: readonly SetGenerator[];
}

/** A generator of random numbers that is set when a cell is served. */
export interface SetGenerator {
  /** Of its module, or of the variable that it is. */
  readonly name: string;
  readonly of: 'python' | 'numpy' | 'notebook';
  /** Whether the cell seeds it: then it is set whatever it stands at, else where it is as the cell found it. */
  readonly seeded: boolean;
}

/** Not decoded yet, because one record batch would have to be read whole: the user is asked first. */
export interface CostlyPage {
  readonly kind: 'costly';
  readonly columns: readonly Column[];
  readonly total: number;
  /** Rows of the record batch, and the bytes it would take decompressed. */
  readonly batchRows: number;
  readonly batchSize: number;
}
