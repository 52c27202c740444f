/**
 * Takes the indentation of a function's body off, as marimo does when it reads a cell: ported from
 * the behaviour of `fixed_dedent` in marimo 0.25's `_ast/dedent.py`. The lines of a string move with
 * the code around it, unless one of them is indented less, for then indentation is part of its value.
 */

import { linesInStrings } from './lines';

/** @param text with `\n` as line end */
export function dedent(text: string): string {
  const lines = text.split('\n');
  const inString = linesInStrings(text);
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();

  const first = lines.find((line, index) => !inString[index] && line.trim() !== '');
  if (first === undefined) return lines.map((line) => (line.trim() === '' ? '' : line)).join('\n');
  const indent = leading(first);
  const filled = lines.map((line, index) =>
    inString[index] || line.startsWith(indent) ? line : indent + line,
  );

  const widths = filled.flatMap((line, index) =>
    inString[index] || line.trim() === '' ? [] : [leading(line).length],
  );
  const shift = Math.min(...widths);
  const kept = stringsToKeep(filled, inString, shift);
  return filled
    .map((line, index) => (kept.has(index) ? line : line.slice(blanksUpTo(line, shift))))
    .join('\n');
}

/** @returns the lines of strings one of whose lines is indented by less than `shift`. */
function stringsToKeep(lines: string[], inString: readonly boolean[], shift: number): Set<number> {
  const kept = new Set<number>();
  let from = 0;
  while (from < lines.length) {
    let to = from;
    while (to < lines.length && inString[to]) to++;
    const block = lines.slice(from, to);
    if (block.some((line) => line.trim() !== '' && leading(line).length < shift)) {
      for (let index = from; index < to; index++) kept.add(index);
    }
    from = to + 1;
  }
  return kept;
}

function leading(line: string): string {
  return line.slice(0, line.length - line.trimStart().length);
}

function blanksUpTo(line: string, most: number): number {
  let count = 0;
  while (count < most && (line[count] === ' ' || line[count] === '\t')) count++;
  return count;
}
