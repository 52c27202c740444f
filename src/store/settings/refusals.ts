import { findBudget } from './budget';
import { findRecompute } from './recomputing';
import {
  at,
  findPlace,
  nearestProject,
  readSettings,
  said,
  thisSystem,
  userFile,
  type Refusal,
} from './place';

/** The settings that there are, in a project's file as in the user's. */
const known: readonly string[] = ['path', 'budget', 'cost_per_hour', 'recompute_on_change'];

/** How many of a file's keys that are no settings are told: a stranger's file may have any number. */
const mostOthers = 10;

/**
 * All that is set for the notebooks of a folder and not followed, each once: where the cache is, how much
 * it may keep, what computing costs, and what becomes of results whose files changed.
 * @param folder absolute path
 */
export async function findRefusals(
  folder: string,
  system = thisSystem(),
): Promise<readonly Refusal[]> {
  const { refusals } = await findPlace(folder, system);
  const found = [...refusals];
  await findBudget(folder, system, found);
  await askCost(folder, found, userFile(system));
  await findRecompute(folder, system, found);
  await askKeys(folder, found, userFile(system));
  // A file that cannot be read is asked for each setting.
  return [...new Map(found.map((each) => [each.message, each])).values()];
}

/** What is set and is no setting, as a slip of the pen makes it: kernels pass over it without a word. */
async function askKeys(folder: string, refusals: Refusal[], user: string): Promise<void> {
  const ask = (table: unknown, file: string) => {
    if (typeof table !== 'object' || table === null) return;
    const others = Object.keys(table).filter((each) => !known.includes(each));
    for (const key of others.slice(0, mostOthers)) {
      const message = `${key} in ${file} is not a setting of Cellar: those are ${known.join(', ')}.`;
      refusals.push({ fault: 'value', about: file, message, key });
    }
  };
  const project = await nearestProject(folder);
  if (project !== undefined)
    ask(at(await readSettings(project, refusals), 'tool', 'cellar'), project);
  ask(await readSettings(user, refusals), user);
}

/** `cost_per_hour`, which kernels alone go by: python/marimo_cellar/settings/settings.py. */
async function askCost(folder: string, refusals: Refusal[], user: string): Promise<void> {
  const project = await nearestProject(folder);
  const key = 'cost_per_hour';
  const ask = (value: unknown, file: string) => {
    if (value === undefined) return;
    const amount = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
    if (amount >= 0 && amount < Infinity) return;
    const message = `${key} in ${file} is ${said(value)}, which is not an amount such as 2.5.`;
    refusals.push({ fault: 'value', about: file, message, key });
  };
  ask(at(await readSettings(user, refusals), key), user);
  if (project === undefined) return;
  ask(at(await readSettings(project, refusals), 'tool', 'cellar', key), project);
}
