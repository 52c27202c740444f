import {
  at,
  nearestProject,
  readSettings,
  said,
  userFile,
  type Refusal,
  type System,
} from './place';

/** `python/marimo_cellar/settings/recomputing.py` is the authority and says the rules. */

const key = 'recompute_on_change';

/**
 * @param folder the notebooks', absolute
 * @param refusals is added what is set and not followed
 * @returns whether kernels compute anew what was made of a file that has changed since
 */
export async function findRecompute(
  folder: string,
  system: System,
  refusals: Refusal[],
): Promise<boolean> {
  const ask = (value: unknown, file: string): boolean | undefined => {
    if (value === undefined || typeof value === 'boolean') return value;
    const message = `${key} in ${file} is ${said(value)}, which is neither true nor false.`;
    refusals.push({ fault: 'value', about: file, message, key });
    return undefined;
  };
  const project = await nearestProject(folder);
  if (project !== undefined) {
    const shared = at(await readSettings(project, refusals), 'tool', 'cellar', key);
    const isWanted = ask(shared, project);
    if (isWanted !== undefined) return isWanted;
  }
  const user = userFile(system);
  return ask(at(await readSettings(user, refusals), key), user) ?? false;
}
