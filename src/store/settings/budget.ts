import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  at,
  nearestProject,
  notebookFolderOf,
  readSettings,
  said,
  thisSystem,
  userFile,
  type Refusal,
  type System,
} from './place';

/**
 * How much a cache may keep. `python/marimo_cellar/settings/settings.py` is the authority and says the rules;
 * `test/fixtures/budgets.json` holds for both.
 */

/** Bytes, and the file that says so. */
export interface BudgetSetting {
  readonly value: number;
  readonly file: string;
  readonly source: 'project' | 'user';
}

/** What a cache may keep, and who says so. */
export interface Budget {
  /** `undefined` for as much as there is. */
  readonly size: number | undefined;
  /** Absent for the default, also where a project's file wanted more than that. */
  readonly setting: BudgetSetting | undefined;
  readonly refusals: readonly Refusal[];
}

const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const least = 2e9;
// More than any disk holds: what is larger means no limit.
const most = Number.MAX_SAFE_INTEGER;
const shareOfFree = 0.1;

/**
 * @param database absolute path
 * @param used what the cache takes, in bytes
 */
export async function budgetOf(
  database: string,
  used: number,
  system = thisSystem(),
  free = freeRoom,
): Promise<Budget> {
  const refusals: Refusal[] = [];
  const setting = await findBudget(notebookFolderOf(database), system, refusals);
  if (setting?.source === 'user') return { size: setting.value, setting, refusals };
  const room = await free(dirname(database));
  const usual = room === undefined ? undefined : defaultBudget(room + used);
  if (setting === undefined || (usual !== undefined && usual < setting.value)) {
    return { size: usual, setting: undefined, refusals };
  }
  return { size: setting.value, setting, refusals };
}

/** The setting for the notebooks of a folder. A project's file can only make it smaller. */
export async function findBudget(
  folder: string,
  system: System,
  refusals: Refusal[],
): Promise<BudgetSetting | undefined> {
  const ask = (value: unknown, file: string, source: 'project' | 'user') => {
    if (value === undefined) return undefined;
    const size = parseSize(value);
    if (size !== undefined) return { value: size, file, source };
    const message = `budget in ${file} is ${said(value)}, which is not a size such as "2 GB".`;
    refusals.push({ fault: 'value', about: file, message, key: 'budget' });
    return undefined;
  };
  const user = userFile(system);
  const own = ask(at(await readSettings(user, refusals), 'budget'), user, 'user');
  const project = await nearestProject(folder);
  if (project === undefined) return own;
  const table = at(await readSettings(project, refusals), 'tool', 'cellar', 'budget');
  const theirs = ask(table, project, 'project');
  return theirs !== undefined && (own === undefined || theirs.value < own.value) ? theirs : own;
}

/** The budget where that many bytes would be free without the cache. */
function defaultBudget(free: number): number {
  return Math.max(least, Math.floor(free * shareOfFree));
}

/** Bytes, of a number or of a text such as "1.5 GB"; `undefined` if it is neither. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') {
    const size = Number(value);
    return Number.isInteger(size) && size >= 0 ? Math.min(size, most) : undefined;
  }
  if (typeof value !== 'string') return undefined;
  const [, amount, unit] = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?B)\s*$/i.exec(value) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.floor(Math.min(Number(amount) * (units[unit.toUpperCase()] ?? NaN), most));
}

/** Bytes that the disk of a folder, or of the nearest one there is, has left for us. */
export async function freeRoom(folder: string): Promise<number | undefined> {
  let there = folder;
  while (!(await isFolder(there)) && there !== dirname(there)) there = dirname(there);
  try {
    const { bavail, bsize, blocks } = await statfs(there);
    // Some mounts answer with nothing but zeros.
    return blocks > 0 ? bavail * bsize : undefined;
  } catch {
    return undefined;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
