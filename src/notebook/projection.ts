/**
 * marimo's notebook editor shows a cell that is nothing but Markdown or SQL as that text, without the
 * Python around it. What is cached was made from the Python, so that has to be found again.
 */

import { endOfLiteral } from './literals';

/** What the editor knows of a text that it shows in place of code. */
export interface Projected {
  readonly language: 'markdown' | 'sql';
  readonly text: string;
  /** What the query's result is called; absent for Markdown, and where the editor does not say. */
  readonly result?: string | undefined;
}

/**
 * @param codes of the notebook's file, in its order
 * @returns the code in the file that is shown as such a text, of each text one; where there is none,
 * because the text was edited since, code that says the same
 */
export function codesOf(texts: readonly Projected[], codes: readonly string[]): string[] {
  const left = new Map<string, string[]>();
  for (const code of codes) {
    const shown = shownOf(code);
    if (shown !== undefined) left.set(shown, [...(left.get(shown) ?? []), code]);
  }
  return texts.map((one) => left.get(tidied(one.text))?.shift() ?? write(one));
}

/** What the editor shows of a cell's code, if it shows but a part: the text of its first string. */
function shownOf(code: string): string | undefined {
  const call = /\bmo\s*\.\s*(?:md|sql)\s*\(\s*/.exec(code);
  if (!call) return undefined;
  const start = call.index + call[0].length;
  const end = endOfLiteral(code, start);
  if (end === undefined) return undefined;
  const [, quotes, inner] = /^[a-z]*("""|'''|"|')([^]*)\1$/i.exec(code.slice(start, end)) ?? [];
  if (quotes === undefined || inner === undefined) return undefined;
  return tidied(inner.replaceAll(`\\${quotes}`, quotes));
}

/** The text as it stands there: without the indentation that all its lines have, and the space around it. */
function tidied(text: string): string {
  const lines = text
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => line.trimEnd());
  const shift = Math.min(...lines.flatMap((line) => (line === '' ? [] : [line.search(/\S/)])));
  return lines
    .map((line) => line.slice(shift))
    .join('\n')
    .trim();
}

function write({ language, text, result = '_df' }: Projected): string {
  const quoted = `"""\n${text.replaceAll('"""', '\\"""')}\n"""`;
  return language === 'markdown' ? `mo.md(r${quoted})` : `${result} = mo.sql(f${quoted})`;
}
