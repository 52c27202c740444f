/**
 * A page of a value: what a decoder makes of a blob and the preview shows. All of it is plain data
 * that survives `postMessage`. Text comes from files that strangers may have written: it is shown as
 * text, never as markup.
 */
export type Page = TablePage | TreePage | ArrayPage | PicklePage | BytesPage | CostlyPage;

export interface Column {
  readonly name: string;
  /** As Arrow says it: `Int64`, `Utf8`, `Dictionary<Int32, Utf8>`, `Timestamp<MICROSECOND>`. */
  readonly type: string;
  readonly align: 'left' | 'right';
}

/** Rows `from` to `from + rows.length` of a table; at most 200 of them. */
export interface TablePage {
  readonly kind: 'table';
  readonly columns: readonly Column[];
  /** One text a cell; `null` where the table has none. Long texts are cut, ending in `…`. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly from: number;
  readonly total: number;
  readonly batches: number;
}

/** A JSON text as it stands, parsed by the page with a parser's own limits; cut where it is long. */
export interface TreePage {
  readonly kind: 'tree';
  readonly root: TreeNode;
}

export interface TreeNode {
  readonly key: string;
  readonly type: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'cut';
  /** The value as text; for an object or array, how many members it has. */
  readonly text: string;
  readonly children?: readonly TreeNode[];
}

/** A numpy array: its header, and its first values in C order, one text a value. */
export interface ArrayPage {
  readonly kind: 'array';
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  /** The innermost dimension is a row; a vector has one row. */
  readonly rows: readonly (readonly string[])[];
  readonly truncated: boolean;
}

/** A pickle, never loaded: what a walk over its opcodes tells. */
export interface PicklePage {
  readonly kind: 'pickle';
  readonly protocol: number | undefined;
  readonly size: number;
  /** `module.name` of everything that loading it would import, in order of first use. */
  readonly refersTo: readonly string[];
  /** Short texts found in it, for recognition. */
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

/** Not decoded yet, because one record batch would have to be read whole: the user is asked first. */
export interface CostlyPage {
  readonly kind: 'costly';
  readonly columns: readonly Column[];
  readonly total: number;
  /** Rows and bytes of the record batch that would have to be decoded. */
  readonly batchRows: number;
  readonly batchSize: number;
}
