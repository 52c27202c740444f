/** What a hover shows, where and in what words. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { notebook, openNotebook, plot } from './openNotebook';

test('server: a hover says state, last run and values', async (t) => {
  const { client, uri } = await openNotebook(t);
  const lines = [
    'In the cache, and the code is as saved. Saves 34 s.',
    'Last run: hit, 2 h ago, saved 34 s.',
    'Values: df (12.4 MB), output (1.2 kB)',
  ];
  assert.deepEqual(await client.hoverLines(uri, 5), lines);
  assert.deepEqual(await client.hoverLines(uri, 6), lines);
  assert.deepEqual(await client.hoverLines(uri, 11), [
    'In the cache, and the code is as saved. Saves 2 s.',
    'Last run: miss, 2 h ago, took 2.1 s. The code of load changed\\.',
    'Values: chart (640 kB)',
  ]);
  assert.deepEqual(await client.hoverLines(uri, 17), [
    'Not in the cache. marimo caches it once it has run. A cell of plain Markdown it may show without a run.',
  ]);
  const hover = await client.hover(uri, 5);
  assert.deepEqual(hover?.range, {
    start: { line: 5, character: 0 },
    end: { line: 6, character: 15 },
  });
});

test('server: the hover is on the header, in the cell, or off, as set', async (t) => {
  const { client, uri } = await openNotebook(t);
  const where = async () => {
    const lines: number[] = [];
    for (let line = 0; line < 24; line++) if (await client.hover(uri, line)) lines.push(line);
    return lines;
  };
  const set = (hover: unknown) =>
    client.connection.sendNotification('workspace/didChangeConfiguration', {
      settings: { cellar: { hover } },
    });
  assert.deepEqual(await where(), [5, 6, 11, 12, 17, 18]);
  await set('cell');
  assert.deepEqual(await where(), [5, 6, 7, 8, 11, 12, 13, 14, 17, 18, 19, 20]);
  await set('nonsense');
  assert.equal((await where()).length, 12);
  await set('off');
  assert.deepEqual(await where(), []);
});

test('server: options are given at the start, in the language of the user', async (t) => {
  const { client, uri } = await openNotebook(t, {
    params: {
      locale: 'de',
      initializationOptions: {
        hover: 'cell',
        strings: { 'Not in the cache.': 'Nicht im Cache.', 'Values: {0}': 'Werte: {0}', bad: 1 },
      },
    },
  });
  assert.match((await client.hoverLines(uri, 19))[0] ?? '', /^Nicht im Cache\. /);
  assert.equal((await client.hoverLines(uri, 7))[2], 'Werte: df (12,4 MB), output (1,2 kB)');
});

test('server: without translations quantities are in the language of the words, too', async (t) => {
  const { client, uri } = await openNotebook(t, { params: { locale: 'de' } });
  assert.ok((await client.hoverLines(uri, 5)).includes('Values: df (12.4 MB), output (1.2 kB)'));
});

test('server: an editor that shows no Markdown gets plain text', async (t) => {
  const { client, uri } = await openNotebook(t, { params: { capabilities: {} } });
  const hover = await client.hover(uri, 11);
  assert.deepEqual(hover?.contents, {
    kind: 'plaintext',
    value:
      'In the cache, and the code is as saved. Saves 2 s.\n' +
      'Last run: miss, 2 h ago, took 2.1 s. The code of load changed.\n' +
      'Values: chart (640 kB)',
  });
});

test('server: names and code from files are shown as text', async (t) => {
  const markup = '[x](command:evil) <img src=x> **b** `c` $(bug) https://evil.example';
  const { client, uri } = await openNotebook(t, {
    cells: [
      { code: 'df = 1', defs: ['df'], values: { [markup]: 1000 } },
      { ...plot, lookup: { outcome: 'miss', why: markup } },
    ],
    text: notebook(`df = "${markup}"`).replace('def load', 'def _'),
  });
  const lines = [...(await client.hoverLines(uri, 5)), ...(await client.hoverLines(uri, 11))];
  const shown = lines.filter((line) => line.includes('evil'));
  assert.equal(shown.length, 3, 'the value, the changed cell and the reason of the miss');
  for (const line of shown) {
    const active = line.replace(/\\[!-/:-@[-`{-~]/g, '').replace(/ \(1 kB\)$/, '');
    assert.doesNotMatch(active, /[[\]<>*`$]|:\/\//, line);
  }
});
