import type * as Native from '@vscode/sqlite3';
import { UnsupportedError } from './CacheError';

let native: Promise<typeof Native> | undefined;

/**
 * Loads the native module on first use, so that a workspace without a cache never pays for it.
 * @param path the database that needs it.
 */
export async function loadSqlite(path: string): Promise<typeof Native> {
  native ??= import('@vscode/sqlite3').then(
    // A bundle hands over the module itself, Node's own loader a namespace around it.
    (module: typeof Native & { default?: typeof Native }) => module.default ?? module,
  );
  try {
    return await native;
  } catch (cause) {
    const { platform, arch } = process;
    throw new UnsupportedError(path, platform, arch, '@vscode/sqlite3', { cause });
  }
}
