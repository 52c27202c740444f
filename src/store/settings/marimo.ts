import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { at, nearestProject, projectFile } from './place';
import { parseToml } from './toml';

/** marimo's own settings: where they are, and whether they have it cache the cells of a notebook. */

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

/** Whether marimo caches a notebook's cells and loads modules anew, and which files that depends on. */
export interface Caching {
  /** `undefined` where something cannot be read: then nobody knows. */
  readonly on: boolean | undefined;
  /** Whether its editor loads modules anew that change, and computes what they made anew, too. */
  readonly reloads: boolean;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/**
 * What the notebook's script metadata, its project and its user set, the first of them that says something
 * (`get_default_config_manager` in `marimo/_config/manager.py`). It is off where nobody does.
 * @param folder the notebook's, absolute
 * @param text the notebook's file
 */
export async function findCaching(folder: string, text: string, user: User): Promise<Caching> {
  const [project, config] = await Promise.all([nearestProject(folder), userConfig(folder, user)]);
  const own = config.hiddenBy ?? config.file;
  // One that is not there may come.
  const files = [project ?? path.join(folder, projectFile), own];
  try {
    const [inProject, ofUser] = await Promise.all([tablesIn(project), tablesIn(own)]);
    const runtimes = [
      at(metadataIn(text), 'tool', 'marimo', 'runtime'),
      at(inProject, 'tool', 'marimo', 'runtime'),
      at(ofUser, 'runtime'),
    ];
    const first = (name: string) =>
      runtimes.map((runtime) => at(runtime, name)).find((value) => value !== undefined);
    const reload = first('auto_reload');
    return {
      on: Boolean(first('cache_cells')),
      reloads: Boolean(reload) && reload !== 'off',
      files,
    };
  } catch {
    return { on: undefined, reloads: false, files };
  }
}

async function tablesIn(file: string | undefined): Promise<unknown> {
  if (file === undefined || !(await isFile(file))) return undefined;
  return parseToml(await readFile(file, 'utf8'));
}

function metadataIn(text: string): unknown {
  const lines = text.split(/\r?\n/);
  const [block, ...others] = metadataBlocks(lines);
  if (others.length > 0) throw new Error('marimo reads none of several blocks');
  return block && parseToml(lines.slice(block.from, block.to).map(uncommented).join('\n'));
}

/**
 * The script metadata blocks: the lines of their content, the markers aside. A block ends with its
 * first `# ///`, as marimo reads it (`marimo/_environments/script_metadata.py`), where PEP 723 would
 * go on to the last; marimo refuses a file with several.
 */
export function metadataBlocks(lines: readonly string[]): { from: number; to: number }[] {
  const blocks = [];
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== '# /// script') continue;
    let to = -1;
    let line = at + 1;
    for (; /^#( .*)?$/.test(lines[line] ?? ''); line++) {
      if (lines[line] === '# ///') {
        to = line;
        break;
      }
    }
    if (to > at + 1) blocks.push({ from: at + 1, to });
    at = line;
  }
  return blocks;
}

/** A line of a block as TOML. */
export function uncommented(line: string): string {
  return line.startsWith('# ') ? line.slice(2) : line.slice(1);
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true;
}
