import v1000 from '../../../python/marimo_cellar/migrations/1000.sql';
import v1001 from '../../../python/marimo_cellar/migrations/1001.sql';
import v1002 from '../../../python/marimo_cellar/migrations/1002.sql';

/**
 * Every format that was ever landed, oldest first, with the script that leads to it from the one
 * before. They are told apart by these texts; only the kernel's side brings a database up to date.
 */
export const landed: ReadonlyMap<number, string> = new Map([
  [1000, v1000],
  [1001, v1001],
  [1002, v1002],
]);
