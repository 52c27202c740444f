import { readFile, readlink, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { isOnAnotherHost } from './hosts';
import { parseToml, TomlError } from './toml';

/**
 * Where a notebook's cache lives, like Git's configuration. `python/marimo_cellar/settings/place.py` is the
 * authority and says the rules; `test/fixtures/places.json` holds for both.
 */

export type PlaceSource = 'environment' | 'project' | 'user' | 'default';

/**
 * `broken` and `unreadable` are files that are passed over. The others are settings that cannot be
 * followed: the default stands in for them.
 */
export type PlaceFault = 'broken' | 'unreadable' | 'value' | 'relative' | 'outside';

/** A setting, or a file of settings, that is not followed. `about` names it. */
export interface Refusal {
  readonly fault: PlaceFault;
  readonly about: string;
  readonly message: string;
  /** Of a setting in a file, its name there: `path`. */
  readonly key?: string;
  /** Of a broken file, where it is broken, zero-based. */
  readonly line?: number;
}

/** The folder that holds `cache.db`, absolute, and which source, and file, decided it. */
export interface Place {
  readonly folder: string;
  readonly source: PlaceSource;
  readonly file: string | undefined;
  readonly refusals: readonly Refusal[];
}

/** What the place depends on besides files. */
export interface System {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
}

export const projectFile = 'pyproject.toml';
const variable = 'CELLAR_PATH';
const databaseName = 'cache.db';
const marimoCache = ['__marimo__', 'cache'];

/** The process's own environment: a kernel that was started elsewhere may have another. */
export function thisSystem(): System {
  return { env: process.env, platform: process.platform, home: homedir() };
}

/** Absolute path of the database in a place. */
export function databaseIn({ folder }: Pick<Place, 'folder'>): string {
  return path.join(folder, databaseName);
}

/** @param folder absolute path of the folder that the notebooks are in */
export async function findPlace(folder: string, system = thisSystem()): Promise<Place> {
  const refusals: Refusal[] = [];
  const usual = usualFolder(folder, system);
  for await (const setting of settings(folder, system, refusals)) {
    const { source, file, name, value } = setting;
    const followed = await follow(setting, system.home);
    if (typeof followed === 'string') return { folder: followed, source, file, refusals };
    const { fault, why } = followed;
    const message = `${name} is ${said(value)}, ${why}. Results are kept in ${usual} instead.`;
    const key = file === undefined ? {} : { key: 'path' };
    refusals.push({ fault, about: file ?? name, message, ...key });
    break;
  }
  return { folder: usual, source: 'default', file: undefined, refusals };
}

/** Absolute path of the user's own settings. */
export function userFile({ env, platform, home }: System): string {
  // A relative one is to be ignored, says the XDG specification.
  const either = (value: string | undefined, ...usual: string[]) =>
    value !== undefined && path.isAbsolute(value) ? value : path.join(home, ...usual);
  const parent =
    platform === 'win32'
      ? either(env.LOCALAPPDATA, 'AppData', 'Local')
      : platform === 'darwin'
        ? path.join(home, 'Library', 'Application Support')
        : either(env.XDG_CONFIG_HOME, '.config');
  return path.join(parent, 'cellar', 'config.toml');
}

/** marimo's own cache folder: beside the notebook, or mirrored below Python's prefix for such. */
export function usualFolder(folder: string, { env }: System): string {
  const prefix = env.PYTHONPYCACHEPREFIX;
  const parent =
    prefix !== undefined && path.isAbsolute(prefix)
      ? path.join(prefix, path.relative(path.parse(folder).root, folder))
      : folder;
  return path.join(parent, ...marimoCache);
}

/** Whether marimo keeps the cache of the notebooks beside it in a folder. */
export function isMarimoCache(folder: string): boolean {
  return folder.endsWith(path.join(path.sep, ...marimoCache));
}

/** The folder that the notebooks of a database are in, or, where a setting puts it elsewhere, its own. */
export function notebookFolderOf(database: string): string {
  const folder = path.dirname(database);
  return isMarimoCache(folder) ? path.dirname(path.dirname(folder)) : folder;
}

interface Setting {
  readonly value: unknown;
  readonly source: PlaceSource;
  /** As people know it. */
  readonly name: string;
  readonly file: string | undefined;
}

/** What is set, the strongest first; files are read only when it is their turn. */
async function* settings(
  folder: string,
  system: System,
  refusals: Refusal[],
): AsyncGenerator<Setting> {
  const value = system.env[variable];
  if (value) yield { value, source: 'environment', name: variable, file: undefined };
  const project = await nearestProject(folder);
  if (project !== undefined) {
    const value = at(await readSettings(project, refusals), 'tool', 'cellar', 'path');
    const name = `[tool.cellar] path in ${project}`;
    if (value !== undefined) yield { value, source: 'project', name, file: project };
  }
  const user = userFile(system);
  const own = at(await readSettings(user, refusals), 'path');
  if (own !== undefined) yield { value: own, source: 'user', name: `path in ${user}`, file: user };
}

/**
 * The nearest `pyproject.toml` at or above a folder.
 * @param top the folder above which none is looked for, if any
 */
export async function nearestProject(folder: string, top?: string): Promise<string | undefined> {
  for (let parent = folder; ; parent = path.dirname(parent)) {
    const file = path.join(parent, projectFile);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) return file;
    if (parent === top || path.dirname(parent) === parent) return undefined;
  }
}

/** A file's tables; none, and a refusal, if it cannot be read. */
export async function readSettings(file: string, refusals: Refusal[]): Promise<unknown> {
  const refuse = (fault: PlaceFault, why: string, where?: { readonly line: number }) => {
    const message = `${file} cannot be read (${why}) and is passed over.`;
    refusals.push({ fault, about: file, message, ...where });
  };
  let bytes;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') refuse('unreadable', code ?? String(error));
    return undefined;
  }
  try {
    return parseToml(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof TomlError ? error.message.split('\n')[0] : 'not UTF-8';
    const where = error instanceof TomlError ? { line: error.line - 1 } : undefined;
    refuse('broken', `it is not TOML: ${why ?? ''}`, where);
    return undefined;
  }
}

/** A value as it is written, about: JSON has no word for some numbers. */
export function said(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? Number(inner) : inner,
  );
}

/** What stands below these keys, if all but the last are tables. */
export function at(value: unknown, ...keys: string[]): unknown {
  return keys.reduce(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}

/** The folder that a setting names, or why it is not followed. */
async function follow(
  { value, source, file }: Setting,
  home: string,
): Promise<string | { readonly fault: PlaceFault; readonly why: string }> {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    return { fault: 'value', why: 'which is not the path of a folder' };
  }
  const named =
    value.startsWith('~') && ['', '/', path.sep].includes(value.slice(1, 2))
      ? home + value.slice(1)
      : value;
  if (source !== 'project' || file === undefined) {
    if (path.isAbsolute(named)) return path.resolve(named);
    const why =
      'which is another folder for each process; it takes a whole path, or one that begins with ~';
    return { fault: 'relative', why };
  }
  const project = path.dirname(file);
  const chosen = path.resolve(project, named);
  // The project's folder itself would be ignored by Git as a whole.
  if (
    !isOnAnotherHost(chosen, project) &&
    isWithin(await realPath(chosen), await realPath(project))
  ) {
    return chosen;
  }
  const why =
    'which is not a folder within the project; only CELLAR_PATH and your own settings may name one elsewhere';
  return { fault: 'outside', why };
}

/** Whether a path is somewhere below a folder, both absolute. */
export function isWithin(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}

/** The path without links, also where the last parts of it, or of a link's target, are not there. */
async function realPath(file: string, links = 0): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '') || path.dirname(file) === file) {
      return file;
    }
  }
  const parent = await realPath(path.dirname(file), links);
  const real = path.join(parent, path.basename(file));
  const target = await readlink(real).catch(() => undefined);
  // As many as Linux follows.
  if (target === undefined || links >= 40) return real;
  return realPath(path.resolve(parent, target), links + 1);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
