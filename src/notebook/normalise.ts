/**
 * The text that a cell's digest is taken of: its code without what does not change its meaning, that
 * is comments, blank lines and layout. The kernel's side computes the same text in Python; both run
 * the table `test/fixtures/normalise.json`. It is a scan and not a parse, so that code in the middle
 * of being typed has a text too, and so that no Python version's grammar is built in.
 */

import { endOfLiteral, endOfWord, isClosing, isOpening, isWord, lineEnd } from './literals';

/** What the last emitted thing was: a space is kept only where its removal could join two words. */
type Neighbour = 'none' | 'word' | 'string' | 'other';

/** Columns from one tab stop to the next, as Python's tokenizer counts them. */
const tabWidth = 8;

/**
 * @returns logical lines joined by a newline, each led by as many tabs as it is deep; without a
 * newline at the end. Empty when the code holds nothing but comments.
 */
export function normalise(code: string): string {
  // Python reads every line ending as a newline, inside strings too, so nobody sees the difference.
  const text = code.replace(/\r\n?/g, '\n');
  const lines: string[] = [];
  /** Columns of the blocks that are open. */
  const indents = [0];
  let at = 0;
  while (at < text.length) {
    const indent = measureIndent(text, at);
    const line = readLogicalLine(text, indent.end);
    at = line.end;
    if (line.text === '') continue;
    while (indent.column < (indents.at(-1) ?? 0)) indents.pop();
    if (indent.column > (indents.at(-1) ?? 0)) indents.push(indent.column);
    lines.push('\t'.repeat(indents.length - 1) + line.text);
  }
  return lines.join('\n');
}

function measureIndent(text: string, start: number): { column: number; end: number } {
  let column = 0;
  let at = start;
  for (; isBlank(text[at]); at++) {
    column = text[at] === '\t' ? (Math.floor(column / tabWidth) + 1) * tabWidth : column + 1;
  }
  return { column, end: at };
}

/** Reads from behind the indentation to behind the newline that ends the logical line. */
function readLogicalLine(text: string, start: number): { text: string; end: number } {
  let out = '';
  let last: Neighbour = 'none';
  let spaced = false;
  let brackets = 0;
  let at = start;

  const emit = (end: number, kind: Neighbour) => {
    const joinsWords =
      last === 'word' ? kind === 'word' || kind === 'string' : last === 'string' && kind === 'word';
    out += (spaced && joinsWords ? ' ' : '') + text.slice(at, end);
    last = kind;
    spaced = false;
    at = end;
  };

  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '\n') {
      at++;
      if (brackets === 0) break;
      spaced = true;
    } else if (isBlank(char)) {
      at++;
      spaced = true;
    } else if (char === '\\' && text[at + 1] === '\n') {
      at += 2;
      spaced = true;
    } else if (char === '#') {
      at = lineEnd(text, at);
    } else {
      const literal = endOfLiteral(text, at);
      if (literal !== undefined) emit(literal, 'string');
      else if (isWord(text, at)) emit(endOfWord(text, at), 'word');
      else {
        if (isOpening(char)) brackets++;
        else if (isClosing(char)) brackets = Math.max(0, brackets - 1);
        emit(at + 1, 'other');
      }
    }
  }
  return { text: out, end: at };
}

/** Space, tab and form feed; not the newline. */
function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\f';
}
