import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';

test('a lock that a killed run left without its number in it does not hold up the next one', async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), 'cellar-scripts-'));
  t.after(() => rm(home, { recursive: true }));
  process.env.XDG_CACHE_HOME = home;
  // The module reads where its folder is as it is loaded.
  const { cacheFolder, installedOnce } = await import('../../../scripts/cacheFolder.mjs');
  const digest = createHash('sha256').update('key').digest('hex').slice(0, 12);
  const lock = path.join(cacheFolder, `thing-${digest}.lock`);
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(lock, '');
  await utimes(lock, 1, 1);
  const folder = await installedOnce('thing', 'key', (into) =>
    writeFile(path.join(into, 'made'), ''),
  );
  assert.equal(folder, path.join(cacheFolder, `thing-${digest}`));
});
