/** Python's logical lines: what stands between two newlines that count. */

import { endOfLiteral, endOfWord, isClosing, isOpening, isWord, lineEnd } from './literals';

/** Offsets are into the text that was read. */
export interface LogicalLine {
  /** The blanks in front of it. */
  readonly indent: string;
  /** Where its first statement begins. */
  readonly start: number;
  /** Where its last statement ends: before a semicolon, blanks or a comment that follow. */
  readonly end: number;
  /** Where each of its statements begins; semicolons part them. */
  readonly statements: readonly number[];
  /** Where the first colon outside brackets stands, if there is one. */
  readonly colon: number | undefined;
  /** Whether a bracket or a string is still open, so that it took all the rest of the text. */
  readonly open: boolean;
}

/** Reads all logical lines of `text`; blank lines and comments are none. Line ends are `\n`. */
export function readLogicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let at = 0;
  while (at < text.length) {
    const from = at;
    while (text[at] === ' ' || text[at] === '\t' || text[at] === '\f') at++;
    const start = at;
    let end = start;
    let brackets = 0;
    let colon: number | undefined;
    let semicolon = true;
    let unclosed = false;
    const statements: number[] = [];

    while (at < text.length && !(text[at] === '\n' && brackets === 0)) {
      const char = text.charAt(at);
      if (/\s/.test(char)) at++;
      else if (char === '\\' && text[at + 1] === '\n') at += 2;
      else if (char === '#') at = lineEnd(text, at);
      else if (char === ';' && brackets === 0) {
        semicolon = true;
        at++;
      } else {
        if (semicolon) statements.push(at);
        semicolon = false;
        if (isOpening(char)) brackets++;
        else if (isClosing(char)) brackets = Math.max(0, brackets - 1);
        else if (char === ':' && brackets === 0) colon ??= at;
        end = endOfLiteral(text, at) ?? (isWord(text, at) ? endOfWord(text, at) : at + 1);
        unclosed = end === text.length && lineEnd(text, at) < end && !/("""|''')$/.test(text);
        at = end;
      }
    }
    at++;
    if (statements.length > 0) {
      lines.push({
        indent: text.slice(from, start),
        start,
        end,
        statements,
        colon,
        open: brackets > 0 || unclosed,
      });
    }
  }
  return lines;
}

/**
 * @returns for each line of `text` (parted by `\n`) whether it begins inside a string literal, where
 * its indentation is part of a value.
 */
export function linesInStrings(text: string): boolean[] {
  const inside = [false];
  const countLines = (from: number, to: number, value: boolean) => {
    for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) {
      inside.push(value);
    }
  };
  let at = 0;
  while (at < text.length) {
    const literal = endOfLiteral(text, at);
    const end =
      literal ??
      (text[at] === '#' ? lineEnd(text, at) : isWord(text, at) ? endOfWord(text, at) : at + 1);
    countLines(at, end, literal !== undefined);
    at = end;
  }
  return inside;
}
