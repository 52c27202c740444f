import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { projectFile, type Refusal } from '../../store/settings/place';
import { parseToml } from '../../store/settings/toml';

/** A setting of Cellar, or a file of such, that is not followed. */
export interface RefusedSetting {
  /** Absolute path; absent for a variable of the environment. */
  readonly file: string | undefined;
  /** What it is called, as `path`; absent where the file as a whole is wrong. */
  readonly key: string | undefined;
  readonly place: Place;
  /** What is wrong with it, and the way out. */
  readonly message: string;
}

/** Where something stands in a text: a line and two columns of it, zero-based. */
export interface Place {
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/**
 * A refusal with where it stands in its file, as that is now.
 * @returns `undefined` for a project's file that cannot be read and has nothing to do with Cellar, as a
 *   workspace may have many of, for tests
 */
export async function placed({
  about,
  key,
  line = 0,
  message,
}: Refusal): Promise<RefusedSetting | undefined> {
  const file = path.isAbsolute(about) ? about : undefined;
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const isProject = path.basename(about) === projectFile;
  if (key === undefined && isProject && !text.includes('cellar')) return undefined;
  const found = key === undefined ? undefined : placeOfSetting(text, key);
  const place = found ?? placeOfLine(text.split(/\r?\n/), line);
  return { file, key: file === undefined ? about : key, place, message };
}

/**
 * Where a TOML text says a setting. Lines that look like it are believed once the text without them is
 * what it was without the setting; where none is, the first that looks like it is better than nothing.
 * @param key the name, in whichever table
 * @returns `undefined` where no line looks like it
 */
export function placeOfSetting(text: string, key: string): Place | undefined {
  const lines = text.split(/\r?\n/);
  const name = key.replaceAll(/[^\w-]/g, String.raw`\$&`);
  const pattern = new RegExp(`(?<![\\w-])["']?${name}["']?\\s*=`);
  const alike = lines.flatMap((line, at) => (pattern.test(line) ? [at] : []));
  const [first] = alike;
  const line = alike.find((at) => isSetting(lines, at, key)) ?? first;
  return line === undefined ? undefined : placeOfLine(lines, line);
}

/** All of a line but what is blank around it; of the last one where there is none so far down. */
function placeOfLine(lines: readonly string[], wanted: number): Place {
  const line = Math.max(0, Math.min(wanted, lines.length - 1));
  const text = lines[line] ?? '';
  return { line, start: text.length - text.trimStart().length, end: text.trimEnd().length };
}

/** Whether taking a line out takes out the setting of Cellar, as a project or as the user has it. */
function isSetting(lines: readonly string[], at: number, key: string): boolean {
  const [before, after] = [lines, lines.toSpliced(at, 1)].map((all) => settingsIn(all.join('\n')));
  if (before === undefined || after === undefined || !Object.hasOwn(before, key)) return false;
  const others = Object.entries(before).filter(([name]) => name !== key);
  return isDeepStrictEqual(after, Object.fromEntries(others));
}

/** `[tool.cellar]`, or all of a text that has no such table. */
function settingsIn(text: string): Record<string, unknown> | undefined {
  try {
    const all = parseToml(text) as { tool?: { cellar?: Record<string, unknown> } };
    return { ...(all.tool === undefined ? all : all.tool.cellar) };
  } catch {
    return undefined;
  }
}
