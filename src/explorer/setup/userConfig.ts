import { stat } from 'node:fs/promises';
import path from 'node:path';
import {
  CannotSet,
  settingIn,
  withSetting,
  withoutSetting,
  type Setting,
  type Written,
} from './tomlSetting';

/**
 * marimo's configuration of the user: where it is, and the line in it by which scripts keep their
 * results in SQLite.
 */

export interface User {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export interface UserConfig {
  readonly file: string;
  readonly isNew: boolean;
  /**
   * A `.marimo.toml` above the folder that marimo reads in its place there, as one that comes with
   * the code: without any store that it names.
   */
  readonly hiddenBy: string | undefined;
}

/** The lines by which each marimo is told which store scripts use. */
export const scriptSettings: Readonly<Record<'0.25' | '0.24', Setting>> = {
  '0.25': { table: ['cache', 'store'], key: 'type', value: 'sqlite' },
  '0.24': { table: ['experimental', 'cache'], key: 'store', value: 'sqlite' },
};

/**
 * Where marimo, started in a folder, looks for its user's configuration, if a store may be named
 * there: `get_user_config_path` and `is_trusted_user_config_path` in `marimo/_config/utils.py`.
 */
export async function userConfig(folder: string, { env, home }: User): Promise<UserConfig> {
  let hiddenBy: string | undefined;
  for (let above = folder; above !== home; above = path.dirname(above)) {
    const file = path.join(above, '.marimo.toml');
    if (hiddenBy === undefined && (await isFile(file))) hiddenBy = file;
    if (path.dirname(above) === above) break;
  }
  const inHome = path.join(home, '.marimo.toml');
  if (await isFile(inHome)) return { file: inHome, isNew: false, hiddenBy };
  const given = env.XDG_CONFIG_HOME?.trim() ?? '';
  const parent = given === '' ? path.join(home, '.config') : given;
  const file = path.join(parent, 'marimo', 'marimo.toml');
  return { file, isNew: !(await isFile(file)), hiddenBy };
}

/** @throws CannotSet where the user has chosen another store, or nothing can be added */
export function useSqlite(text: string, setting: Setting): Written {
  const store = settingIn(text, setting.table);
  const ours = { [setting.key]: setting.value };
  if (store !== undefined && JSON.stringify(store) !== JSON.stringify(ours)) {
    throw new CannotSet('another', storeName(store));
  }
  return withSetting(text, setting);
}

/** What kind of store a configuration names; the rest of it may hold secrets. */
export function storeName(store: unknown): string {
  if (typeof store !== 'object' || store === null || Array.isArray(store)) return typeof store;
  const { type, store: kind } = store as { readonly type?: unknown; readonly store?: unknown };
  const name = type ?? kind;
  return typeof name === 'string' ? name : 'file';
}

export function useFilesAgain(text: string, setting: Setting): string {
  return withoutSetting(text, setting);
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true;
}
