import { isDeepStrictEqual } from 'node:util';
import {
  asParsed,
  CannotSet,
  settingIn,
  withSetting,
  withoutSetting,
  type Setting,
  type Written,
} from './tomlSetting';

/**
 * The line in the user's configuration of marimo by which scripts keep their results in SQLite.
 */

/** The lines by which each marimo is told which store scripts use. */
export const scriptSettings: Readonly<Record<'0.24.1' | '0.24.0', Setting>> = {
  '0.24.1': { table: ['cache', 'store'], key: 'type', value: 'sqlite' },
  '0.24.0': { table: ['experimental', 'cache'], key: 'store', value: 'sqlite' },
};

/** @throws CannotSet where the user has chosen another store, or nothing can be added */
export function useSqlite(text: string, setting: Setting): Written {
  const store = settingIn(text, setting.table);
  const ours = asParsed({ [setting.key]: setting.value });
  if (store !== undefined && !isDeepStrictEqual(store, ours)) {
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
