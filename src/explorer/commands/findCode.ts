/**
 * Finds a cell by its code where nobody who knows notebooks can be asked. marimo indents a cell's code
 * in the file, so lines are compared without the space around them, and blank ones not at all.
 *
 * @returns the zero-based line on which the code begins
 */
export function findCode(text: string, code: string): number | undefined {
  const wanted = trimmedLines(code);
  const lines = trimmedLines(text);
  if (wanted.length === 0) return undefined;
  const at = lines.findIndex((_, from) =>
    wanted.every(({ text }, offset) => lines[from + offset]?.text === text),
  );
  return lines[at]?.line;
}

function trimmedLines(text: string): { text: string; line: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, at) => ({ text: line.trim(), line: at }))
    .filter((line) => line.text !== '');
}
