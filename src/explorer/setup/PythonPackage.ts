import { createHash, randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Longer than any copying takes: what is older was left by a window that was closed meanwhile. */
const leftoverMs = 3_600_000;
const attempts = 5;

/**
 * The Python package `marimo_cellar` that the extension carries, and the copy of it that terminals
 * find on their `PYTHONPATH`. The copy stands outside the extension's own folder, whose name changes
 * with every version while terminals and kernels live on.
 */
export class PythonPackage {
  /** Where the copy is, or will be. */
  readonly folder: string;

  /**
   * @param bundled the folder with the package and its metadata, as `pip install --target` makes it
   * @param wheels the folder with its wheel
   * @param home a folder of ours that stays
   */
  constructor(
    private readonly bundled: string,
    private readonly wheels: string,
    private readonly home: string,
  ) {
    this.folder = path.join(home, 'python');
  }

  /** The wheel to install; `undefined` in a build of the extension that carries none. */
  async wheel(): Promise<string | undefined> {
    const names = await namesIn(this.wheels);
    const name = names.find((file) => /^marimo_cellar-.*\.whl$/.test(file));
    return name === undefined ? undefined : path.join(this.wheels, name);
  }

  /**
   * Brings the copy up to date. It is made beside its place and put there by renaming, so that no
   * Python meets half a package; of two windows that do so at once one finds its work done.
   *
   * @returns whether there is a copy now; not so in a build that carries no package
   */
  async place(): Promise<boolean> {
    const wanted = await digestOf(this.bundled);
    if (wanted === undefined) return false;
    if ((await digestOf(this.folder)) === wanted) return true;
    await mkdir(this.home, { recursive: true });
    await this.sweep();
    const made = this.beside();
    const old = this.beside();
    try {
      await cp(this.bundled, made, {
        recursive: true,
        filter: (source) => path.basename(source) !== '__pycache__',
      });
      for (let attempt = 1; ; attempt++) {
        await renameIfThere(this.folder, old);
        try {
          await rename(made, this.folder);
          return true;
        } catch (error) {
          // Another window was faster: its copy is as good as ours, unless it is of another version.
          if ((await digestOf(this.folder)) === wanted) return true;
          // What we took away goes back where nothing came in its place, as on a system that holds
          // on to a file of ours for a moment.
          await renameIfThere(old, this.folder).catch(() => undefined);
          if (attempt === attempts) throw error;
          await rm(old, { recursive: true, force: true });
          await setTimeout(50 * attempt);
        }
      }
    } finally {
      await rm(made, { recursive: true, force: true });
      await rm(old, { recursive: true, force: true });
    }
  }

  private beside(): string {
    return path.join(this.home, `python-${randomUUID()}`);
  }

  private async sweep(): Promise<void> {
    for (const name of await namesIn(this.home)) {
      if (!/^python-[0-9a-f-]{36}$/.test(name)) continue;
      const leftover = path.join(this.home, name);
      // Another window may have removed it just now.
      const found = await ifThere(stat(leftover));
      if (found !== undefined && Date.now() - found.mtimeMs > leftoverMs) {
        await rm(leftover, { recursive: true, force: true });
      }
    }
  }
}

/**
 * SHA-256 over the names and contents of a folder's files, but for what Python compiled there;
 * `undefined` where there are none, or where another window takes the folder away meanwhile.
 */
async function digestOf(folder: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  const names = await filesIn(folder);
  if (names.length === 0) return undefined;
  for (const name of names) {
    const content = await ifThere(readFile(path.join(folder, name)));
    if (content === undefined) return undefined;
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Relative paths with forward slashes, sorted; none where there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = (await ifThere(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isFile() && path.basename(entry.parentPath) !== '__pycache__')
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .map((file) => file.split(path.sep).join('/'))
    .sort();
}

async function namesIn(folder: string): Promise<string[]> {
  return (await ifThere(readdir(folder))) ?? [];
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await ifThere(rename(from, to));
}

/** What the system answers about a file or folder; `undefined` when there is none. */
async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
