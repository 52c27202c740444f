import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Machine, Result } from './cases';
import type { Figure } from './figures';

/** When a row was measured, and how many processes wanted a core then, the benchmark's among them. */
export interface Occasion {
  /** Such as `2026-11-26`. */
  readonly date: string;
  readonly load: number;
}

/** What RESULTS.md is made of: the newest of each case and of each figure. */
export interface Kept {
  readonly machine: Machine;
  readonly results: readonly (Result & Occasion)[];
  /** `name` is what `--only` takes, which may stand for several. */
  readonly figures: readonly (Figure & Occasion & { readonly name: string })[];
}

const fileIn = (folder: string): string => path.join(folder, 'results.json');

/** @returns what earlier runs kept in a folder, or `undefined` */
export async function readKept(folder: string): Promise<Kept | undefined> {
  try {
    // Our own file, made below.
    return JSON.parse(await readFile(fileIn(folder), 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeKept(folder: string, kept: Kept): Promise<void> {
  await writeFile(fileIn(folder), `${JSON.stringify(kept, undefined, 1)}\n`);
}

/**
 * @param ids the cases there are, in their order: what is kept of others is let go
 * @returns what was kept, with what was measured now in the place of what it was before
 */
export function renewed(before: Kept | undefined, now: Kept, ids: readonly string[]): Kept {
  const measured = new Set(now.results.map(({ id }) => id));
  const named = new Set(now.figures.map(({ name }) => name));
  const results = [
    ...(before?.results ?? []).filter(({ id }) => !measured.has(id)),
    ...now.results,
  ].filter(({ id }) => ids.includes(id));
  return {
    machine: now.machine,
    results: results.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id)),
    figures: [...(before?.figures ?? []).filter(({ name }) => !named.has(name)), ...now.figures],
  };
}
