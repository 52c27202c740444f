import { stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * The databases that lie where most do, at the top of a workspace folder: what can be known of a
 * workspace without a search, and without reading any settings.
 * @param folders absolute paths
 * @returns absolute paths of those that are there
 */
export async function usualDatabases(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const database = path.join(folder, '__marimo__', 'cache', 'cache.db');
      const there = await stat(database).catch(() => undefined);
      return there?.isFile() ? [database] : [];
    }),
  );
  return found.flat();
}
