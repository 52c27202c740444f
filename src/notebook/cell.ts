/**
 * Reads one cell from its piece of the file, equal to marimo 0.25's `_ast/parse.py`: which lines are
 * its code, with the function around them and the closing `return` taken off.
 */

import { parser } from '@lezer/python';
import { type Constant, readArguments } from './constants';
import { dedent } from './dedent';
import { findDefs } from './defs';
import { type LogicalLine, readLogicalLines } from './lines';
import { normalise } from './normalise';

export interface Cell {
  /** How the file writes it. A cell with a syntax error in it is not `unparsable` for that. */
  readonly kind: 'cell' | 'function' | 'class' | 'setup' | 'unparsable';
  /** Absent when the notebook gives the cell none; `setup` for the setup cell. */
  readonly name: string | undefined;
  /** The code as marimo has it, without the function that wraps it in the file. */
  readonly code: string;
  /** What the code's digest is taken of. */
  readonly normalised: string;
  /** Of the decorator, such as `hide_code` and `column`. */
  readonly options: Readonly<Record<string, Constant>>;
  /** Public names that the cell defines. */
  readonly defs: readonly string[];
  /** Lines from the beginning of the piece to the `def`'s colon, and to the end of the cell. */
  readonly headerLines: number;
  readonly lines: number;
}

const decorator = /^@\s*app\s*\.\s*(cell|function|class_definition)\b/;
const definition = /^(?:async\s+)?(?:def|class)\s+([\w\u0080-\u{10ffff}]+)/u;

/**
 * @param piece begins with a cell's first line; `\n` is its line end
 * @returns `undefined` for a decorator without a function, as while one is being typed
 */
export function readCell(piece: string): Cell | undefined {
  const lines = readLogicalLines(piece);
  const [first] = lines;
  if (!first) return undefined;
  if (piece.startsWith('@')) return readDecorated(piece, lines);
  if (piece.startsWith('app')) return readUnparsable(piece, first);
  const block = readBlock(piece, lines, 0);
  if (!block) return undefined;
  return finish(piece, block, {
    kind: 'setup',
    name: 'setup',
    code: dedent(withTrailingLines(piece, block)).replace(/\npass$/, ''),
    options: readOptions(piece.slice(first.start, first.end)),
  });
}

/**
 * Reads a cell from its code, for whoever holds a notebook as cells rather than as a file.
 * @param code as marimo has it; any line ending is taken
 * @param name as marimo has it: `_` stands for none
 * @param options those that marimo has of the cell
 */
export function readCode(code: string, name: string, options: Cell['options'] = {}): Cell {
  const ended = code.replace(/\r\n?/g, '\n');
  return {
    kind: name === 'setup' ? 'setup' : 'cell',
    name: namedBy(name),
    code: ended,
    normalised: normaliseAsKernel(ended),
    options,
    defs: findDefs(ended),
    // Nothing stands above the code.
    headerLines: 1,
    lines: ended.split('\n').length,
  };
}

function readDecorated(piece: string, lines: readonly LogicalLine[]): Cell | undefined {
  const header = lines.findIndex((line) => piece[line.start] !== '@');
  const decorators = lines.slice(0, header).map((line) => piece.slice(line.start, line.end));
  const own = decorators.findIndex((text) => decorator.test(text));
  const [, attribute] = decorator.exec(decorators[own] ?? '') ?? [];
  const headerLine = lines[header];
  const [, name] = headerLine ? (definition.exec(piece.slice(headerLine.start)) ?? []) : [];
  const block = readBlock(piece, lines, header);
  if (!attribute || !name || !block) return undefined;
  const options = readOptions(decorators[own] ?? '');
  if (attribute === 'cell') {
    const code = dedent(readBody(piece, block));
    return finish(piece, block, { kind: 'cell', name: namedBy(name), code, options });
  }
  // The function is the cell's code, with the decorators that follow marimo's.
  const start = lineStart(piece, lines[own + 1]?.start ?? 0);
  const code = dedent(withTrailingLines(piece, { ...block, start }));
  return finish(piece, block, {
    kind: attribute === 'function' ? 'function' : 'class',
    name,
    code,
    options,
  });
}

function readUnparsable(piece: string, line: LogicalLine): Cell {
  const call = piece.slice(line.start, line.end);
  const { named, text } = readArguments(parser.parse(call), call);
  const { name, ...options } = named;
  const code = dedent(text ?? '').trim();
  return {
    kind: 'unparsable',
    name: typeof name === 'string' ? namedBy(name) : undefined,
    code,
    normalised: normaliseAsKernel(code),
    options,
    defs: findDefs(code),
    headerLines: 1,
    lines: linesUpTo(piece, line.end),
  };
}

/** A `def`, `class` or `with` of the piece, in offsets. */
interface Block {
  readonly colon: number;
  /** Where the body's text begins: behind the colon when it is on the same line. */
  readonly start: number;
  readonly onHeaderLine: boolean;
  readonly body: readonly LogicalLine[];
  /** Where its last statement ends. */
  readonly end: number;
}

/**
 * @param header which of `lines` is the `def`, `class` or `with`
 * @returns `undefined` when that has no colon
 */
function readBlock(
  piece: string,
  lines: readonly LogicalLine[],
  header: number,
): Block | undefined {
  const line = lines[header];
  if (line?.colon === undefined) return undefined;
  // A statement that is not indented does not belong to the cell, nor does what follows it.
  const outside = lines.findIndex((other, index) => index > header && other.indent === '');
  const body = lines.slice(header + 1, outside === -1 ? undefined : outside);
  const afterColon = piece.slice(line.colon + 1, line.end).search(/\S/);
  const onHeaderLine = line.end > line.colon + 1 && afterColon !== -1;
  return {
    colon: line.colon,
    start: onHeaderLine ? line.colon + 1 + afterColon : nextLine(piece, line.colon),
    onHeaderLine,
    body: onHeaderLine ? [line] : body,
    end: asMarimoCounts(piece, (onHeaderLine ? undefined : body.at(-1)?.end) ?? line.end),
  };
}

/** The body of a cell's function, without the `return` that ends it. */
function readBody(piece: string, block: Block): string {
  const { start, onHeaderLine, body } = block;
  const last = body.at(-1);
  // Comments alone are no body, but while one is being typed they are all there is.
  if (!last) return linesBelow(piece, block.colon, ' ', '\t').join('\n').trim();
  if (last.open) return withoutReturnLine(piece.slice(start, block.end));
  const statements = last.statements.filter((statement) => statement >= start);
  if (onHeaderLine && !statements.includes(start)) statements.unshift(start);
  const statement = statements.at(-1) ?? last.start;
  const atBodyLevel = onHeaderLine || last.indent === body[0]?.indent;
  if (!atBodyLevel || !/^return(?![\w\u0080-\uffff])/.test(piece.slice(statement, statement + 7))) {
    return onHeaderLine ? piece.slice(start, block.end) : withLinesBelow(piece, block);
  }
  if (statement !== last.start && statements.length > 1) {
    return piece.slice(start, asMarimoCounts(piece, statement));
  }
  if (onHeaderLine) return '';
  // Up to the line before the `return`, comments in between included.
  return piece.slice(start, Math.max(start, lineStart(piece, statement) - 1));
}

/** The body of a cell in which a bracket or string never closes: its `return` is found by looks. */
function withoutReturnLine(body: string): string {
  const indent = /^[ \t]*(?=\S)/m.exec(body)?.[0] ?? '';
  const lines = body.trimEnd().split('\n');
  if (lines.at(-1)?.startsWith(`${indent}return`)) lines.pop();
  return lines.join('\n').trimEnd();
}

/**
 * What stands below the last statement of a body without `return`: comments. marimo joins the first
 * of them to the statement's line, and so do we, to show the code that the kernel has.
 */
function withLinesBelow(piece: string, { start, end }: Block): string {
  const code = piece.slice(start, end);
  const indent = code.slice(0, code.length - code.trimStart().length);
  const below = linesBelow(piece, end, indent);
  return below.length > 1 ? code + below.join('\n').trimEnd() : code;
}

/** The text of a block with the comments below its last statement, as deep as its first. */
function withTrailingLines(piece: string, { start, end, body, onHeaderLine }: Block): string {
  const code = piece.slice(start, end);
  if (onHeaderLine) return code;
  const below = linesBelow(piece, end, body[0]?.indent ?? '')
    .join('\n')
    .trimEnd();
  return below === '' ? code : `${code}\n${below}`;
}

/** The lines behind the one of `offset` that are blank or begin with one of `indents`. */
function linesBelow(piece: string, offset: number, ...indents: readonly string[]): string[] {
  const lines = piece.slice(nextLine(piece, offset)).split('\n');
  const end = lines.findIndex((line) => {
    return line.trim() !== '' && !indents.some((indent) => line.startsWith(indent));
  });
  return end === -1 ? lines : lines.slice(0, end);
}

function finish(
  piece: string,
  block: Block,
  cell: Pick<Cell, 'kind' | 'name' | 'code' | 'options'>,
): Cell {
  return {
    ...cell,
    normalised: normaliseAsKernel(cell.code),
    defs: findDefs(cell.code),
    headerLines: linesUpTo(piece, block.colon),
    lines: linesUpTo(piece, block.end),
  };
}

/** marimo compiles a cell with its no-break spaces made spaces, and that is the code it digests. */
function normaliseAsKernel(code: string): string {
  return normalise(code.replaceAll('\u00a0', ' '));
}

function readOptions(call: string): Readonly<Record<string, Constant>> {
  return readArguments(parser.parse(call), call).named;
}

/** `_` and, in old notebooks, `__` stand for no name. */
function namedBy(name: string): string | undefined {
  return name === '_' || name === '__' ? undefined : name;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function nextLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  return newline === -1 ? text.length : newline + 1;
}

/**
 * marimo takes the column of a byte in UTF-8, which Python's `ast` tells it, for that of a character.
 * What follows a line's last statement is then taken for code, as far as that has letters beyond
 * ASCII; and so do we, to show the code that the kernel has.
 */
function asMarimoCounts(text: string, offset: number): number {
  const start = lineStart(text, offset);
  const newline = text.indexOf('\n', offset);
  const lineEnd = newline === -1 ? text.length : newline;
  let bytes = 0;
  for (const char of text.slice(start, offset)) bytes += utf8Length(char);
  let at = start;
  for (; bytes > 0 && at < lineEnd; bytes--) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return at;
}

function utf8Length(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/**
 * How many lines there are to the one of `offset`, that one included. What never closes takes the blank
 * lines in front of the next cell, and these belong to none.
 */
function linesUpTo(text: string, offset: number): number {
  return text.slice(0, offset).trimEnd().split('\n').length;
}
