import { lstat, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const record = /^\.cellar-published-[0-9a-f]{16}\.jsonl$/;

/**
 * Tells which files below a folder of marimo's cache a kernel wrote there for an export, out of the
 * database (`published.py`). A record is not believed: a file that is not as it says is no more ours.
 * @param folder absolute path
 */
export async function readPublished(folder: string): Promise<(key: string) => Promise<boolean>> {
  const names = await recordsIn(folder);
  const records = await Promise.all(names.map((name) => readRecord(join(folder, name))));
  return async (key) => {
    for (const files of records) if (await isAsWritten(folder, key, files.get(key))) return true;
    return false;
  };
}

/**
 * Makes files that a kernel wrote for an export the folder's own: the records of them go, without which
 * no run takes them back.
 */
export async function adopt(folder: string): Promise<void> {
  for (const name of await recordsIn(folder)) {
    await unlink(join(folder, name)).catch(() => undefined);
  }
}

async function recordsIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => record.test(name));
}

async function isAsWritten(
  folder: string,
  key: string,
  written: string | undefined,
): Promise<boolean> {
  if (written === undefined) return false;
  const found = await lstat(join(folder, key)).catch(() => undefined);
  if (!found?.isFile()) return false;
  return `${found.size},${Math.floor(found.mtimeMs / 1000)}` === written;
}

/** Size and time of each file by key: one JSON object a line, after the notebook's; up to a cut-off one. */
async function readRecord(path: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  try {
    if (!(await lstat(path)).isFile()) return files;
    const [, ...lines] = (await readFile(path, 'utf8')).split('\n');
    for (const line of lines) {
      for (const [key, written] of Object.entries(JSON.parse(line) as object)) {
        files.set(key, String(written));
      }
    }
  } catch {
    // What was read so far counts.
  }
  return files;
}
