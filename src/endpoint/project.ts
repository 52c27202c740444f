import { createHash } from 'node:crypto';
import path from 'node:path';

/**
 * The `project_id` by which a folder of notebooks is asked for: its name, for people, and enough of a
 * digest of its path to tell it from others of that name. It is no secret, the token is.
 */
export function projectOf(folder: string): string {
  const name = path
    .basename(folder)
    .replace(/[^\w-]+/g, '-')
    .slice(0, 40);
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  return `cellar-${name}-${digest}`;
}
