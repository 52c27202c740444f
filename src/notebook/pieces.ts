/**
 * Cuts a notebook's file where its cells begin. Each piece is then read alone, so that an error in
 * one cell leaves the others known and an edit costs the reading of one cell. marimo itself cuts so
 * once a file has an error (`_ast/scanner.py`); where it has none, both ways find the same cells.
 */

import { parser } from '@lezer/python';
import { endOfLiteral, endOfWord, isWord, lineEnd } from './literals';

/** From the first decorator of a cell, or its `with` or call, to the beginning of the next. */
export interface Piece {
  readonly text: string;
  /** The number of its first line, from 0. */
  readonly line: number;
  /** Whether a string may be open at its end: what comes later in the file says if it goes on there. */
  readonly open: boolean;
}

const boundary =
  /^(?:@[ \t]*app[ \t]*\.[ \t]*(?:cell|function|class_definition)\b|(?:async[ \t]+)?with[ \t]+app[ \t]*\.[ \t]*setup\b|app[ \t]*\.[ \t]*_unparsable_cell\b|if[ \t]+__name__\b)/gm;

/**
 * @param text with `\n` as line end
 * @param isClosed whether a piece of this text was found not to be open before: it is not checked again
 * @returns what stands before the first cell, which may be empty, then one piece a cell
 */
export function cutIntoPieces(text: string, isClosed: (piece: string) => boolean): Piece[] {
  const starts = [0];
  for (const match of text.matchAll(boundary)) {
    const start = match[0].startsWith('@') ? firstDecorator(text, match.index) : match.index;
    if (start > (starts.at(-1) ?? 0)) starts.push(start);
  }
  const pieces: Piece[] = [];
  let line = 0;
  let index = 0;
  while (index < starts.length) {
    const start = starts[index] ?? 0;
    let next = index + 1;
    let piece = text.slice(start, starts[next]);
    let open = next === starts.length;
    if (!open && !isClosed(piece)) {
      const end = endOfOpenLiteral(text, start, start + piece.length);
      if (end !== undefined) {
        open = true;
        // Either the boundary is text inside a string, or quotes are missing and every string of
        // the file is turned inside out. Only in the first case what ends with the string is Python.
        const after = starts.findIndex((candidate) => candidate >= end);
        const whole = text.slice(start, after === -1 ? undefined : starts[after]);
        if (isPython(whole)) {
          piece = whole;
          next = after === -1 ? starts.length : after;
        }
      }
    }
    if (piece.startsWith('if')) break;
    pieces.push({ text: piece, line, open });
    line += countLines(piece);
    index = next;
  }
  return pieces;
}

/** Decorators above `@app.cell`, with nothing but blank lines in between, belong to the cell. */
function firstDecorator(text: string, start: number): number {
  let first = start;
  let at = start;
  while (at > 0) {
    const lineStart = text.lastIndexOf('\n', at - 2) + 1;
    const line = text.slice(lineStart, at - 1).trim();
    if (line.startsWith('@')) first = lineStart;
    else if (line !== '') break;
    at = lineStart;
  }
  return first;
}

/** @returns where the literal ends that is open at `to`, or `undefined` when none is. */
function endOfOpenLiteral(text: string, from: number, to: number): number | undefined {
  let at = from;
  while (at < to) {
    const literal = endOfLiteral(text, at);
    if (literal !== undefined && literal > to) return literal;
    at =
      literal ??
      (text[at] === '#' ? lineEnd(text, at) : isWord(text, at) ? endOfWord(text, at) : at + 1);
  }
  return undefined;
}

function isPython(text: string): boolean {
  const cursor = parser.parse(text).cursor();
  do {
    if (cursor.type.isError) return false;
  } while (cursor.next());
  return true;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
