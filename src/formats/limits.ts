/**
 * How much of a value one page shows. A page crosses two process borders as plain data and is laid out
 * by a browser, so each kind is bounded, whatever the file says.
 */

/** Rows of a page of a table or an array. */
export const MAX_ROWS = 200;

/** Columns of a page of a table. */
export const MAX_COLUMNS = 200;

/** UTF-16 code units of one text, the `…` of a cut one included. */
export const MAX_TEXT = 300;

/** Bytes of the value's decompressed buffers that a decoder keeps for the next page. */
export const MAX_KEPT = 256 * 1024 * 1024;

/** Bytes that one buffer may take decompressed, even when the user said yes to a costly page. */
export const MAX_BUFFER = 1024 * 1024 * 1024;

/** The same of a text that stands alone in a tree, such as a language model's answer. */
export const MAX_LONG_TEXT = 10_000;

/** Members of one object or list of a tree. The rest is counted. */
export const MAX_TREE_MEMBERS = 500;

/** Nodes of a whole tree. */
export const MAX_TREE_NODES = 20_000;

/** Levels of a tree. */
export const MAX_TREE_DEPTH = 32;
