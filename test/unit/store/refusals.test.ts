import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { findRefusals } from '../../../src/store/settings/refusals';
import { makeFolder } from './cacheFolder';

/** What is refused of a project's settings, and of the user's own, each as its key and a line. */
async function refused(t: TestContext, project: string, own = '') {
  const home = await makeFolder(t);
  const folder = path.join(home, 'project');
  await mkdir(path.join(home, '.config', 'cellar'), { recursive: true });
  await mkdir(folder);
  await writeFile(path.join(folder, 'pyproject.toml'), project);
  await writeFile(path.join(home, '.config', 'cellar', 'config.toml'), own);
  const refusals = await findRefusals(folder, { env: {}, platform: 'linux', home });
  for (const { about, message } of refusals) assert.ok(message.includes(about), message);
  return refusals;
}

test('what is followed is not refused', async (t) => {
  const project =
    '[tool.cellar]\npath = "a"\nbudget = "1 GB"\ncost_per_hour = 0\nrecompute_on_change = false';
  const own = 'cost_per_hour = 2.5\nrecompute_on_change = true';
  assert.deepEqual(await refused(t, project, own), []);
});

test('each setting that is not followed is told, with the way out', async (t) => {
  const project =
    '[tool.cellar]\npath = "../a"\nbudget = "lots"\ncost_per_hour = "a lot"\nrecompute_on_change = "yes"';
  const refusals = await refused(t, project, 'cost_per_hour = -1');
  assert.deepEqual(
    refusals.map(({ key }) => key),
    ['path', 'budget', 'cost_per_hour', 'cost_per_hour', 'recompute_on_change'],
  );
  const [place, , own, costs, recompute] = refusals.map(({ message }) => message);
  assert.match(place ?? '', /only CELLAR_PATH and your own settings may name one elsewhere/);
  assert.match(own ?? '', /config\.toml is -1, which is not an amount such as 2\.5\.$/);
  assert.match(costs ?? '', /pyproject\.toml is "a lot", which is not an amount/);
  assert.match(recompute ?? '', /pyproject\.toml is "yes", which is neither true nor false\.$/);
});

test('what is no setting is told, with those that there are', async (t) => {
  const refusals = await refused(t, '[tool.cellar]\nbudgets = "1 GB"', 'paths = "~/a"');
  assert.deepEqual(
    refusals.map(({ key }) => key),
    ['budgets', 'paths'],
  );
  for (const { message } of refusals) {
    assert.match(
      message,
      /is not a setting of Cellar: those are path, budget, cost_per_hour, recompute_on_change\.$/,
    );
  }
});

test('no file has more than a few keys told that are no settings', async (t) => {
  const many = Array.from({ length: 500 }, (_, at) => `key${at} = 1`).join('\n');
  assert.equal((await refused(t, `[tool.cellar]\n${many}`)).length, 10);
});

test('what no amount can be is refused', async (t) => {
  for (const value of ['nan', 'inf', 'true', '[]', '-0.5']) {
    const refusals = await refused(t, `[tool.cellar]\ncost_per_hour = ${value}`);
    assert.equal(refusals.length, 1, value);
  }
});

test('a broken file is told once, with its line', async (t) => {
  const refusals = await refused(t, '[tool.cellar]\npath = = 1');
  assert.deepEqual(
    refusals.map(({ fault, line, key }) => [fault, line, key]),
    [['broken', 1, undefined]],
  );
});
