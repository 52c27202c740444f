// Slow installs (Python environments, the browser's VS Code) live outside the work tree, where a
// second run and a second clone find them again.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The folder that holds everything Cellar's scripts install: `~/.cache/cellar` by default. */
export const cacheFolder = path.join(
  process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'),
  'cellar',
);

/** Far more than a run needs from making its lock to writing its number into it, in milliseconds. */
const WRITING_MS = 60_000;

/**
 * Installs something once and returns its folder.
 *
 * The folder is named after the digest of `key`, so another version never meets the leftovers of
 * this one. It is built in place, since a Python environment cannot be moved, and counts as there
 * only when its marker stands, which is written last: an install that was cut short is begun anew.
 * @param {string} name what it is, as the folder's name shows it
 * @param {string} key everything that decides the content: versions, a file of requirements
 * @param {(folder: string) => Promise<void>} install fills the empty folder
 * @returns {Promise<string>} the folder's absolute path
 */
export async function installedOnce(name, key, install) {
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 12);
  const folder = path.join(cacheFolder, `${name}-${digest}`);
  const marker = path.join(folder, '.finished');
  if (await exists(marker)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (await exists(marker)) return folder;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    const begun = Date.now();
    console.log(`Installing ${name} into ${folder} ...`);
    await install(folder);
    await writeFile(marker, `${key}\n`);
    console.log(`Installed ${name} in ${Math.round((Date.now() - begun) / 1000)} s.`);
    return folder;
  } finally {
    await unlock();
  }
}

/**
 * Waits until no other run installs the same thing. The lock names its process, so that the lock
 * of a run that was killed does not hold up the next one for ever.
 * @returns {Promise<() => Promise<void>>} gives the lock back
 */
async function lock(file) {
  for (let told = false; ; told = true) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (await isLeft(file)) await rm(file, { force: true });
    else if (!told) console.log(`Waiting for another run (${file}) ...`);
    await sleep(500);
  }
}

/**
 * Whether the run that a lock is of has ended without taking it away. An empty one belongs to a run that is
 * about to write its number into it, or that was killed before it could.
 */
async function isLeft(file) {
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner > 0) return !isRunning(owner);
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
  return Date.now() - mtimeMs > WRITING_MS;
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}
