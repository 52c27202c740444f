import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { CachingSettings } from '../../../src/server/CachingSettings';

const metadata = (value: boolean) =>
  `# /// script\n# [tool.marimo.runtime]\n# cache_cells = ${value}\n# ///\n\nimport marimo\n`;

test('what is set is looked for again after half a second, or an edit of the text', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-caching-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'nb.py');
  const uri = pathToFileURL(file).href;
  const clock = { now: 1000 };
  const settings = new CachingSettings(() => clock.now);
  const asCells = { kind: 'cells', uri, cells: [] } as const;
  const asText = (value: boolean) =>
    ({ kind: 'text', uri, text: TextDocument.create(uri, 'python', 1, metadata(value)) }) as const;

  await writeFile(file, metadata(true));
  assert.equal((await settings.of(asCells)).on, true);
  // The file is not read at each question.
  await writeFile(file, metadata(false));
  assert.equal((await settings.of(asCells)).on, true);
  // Open as text as well, each form says what it holds.
  assert.equal((await settings.of(asText(false))).on, false);
  assert.equal((await settings.of(asText(true))).on, true);
  assert.equal((await settings.of(asText(false))).on, false);
  assert.equal((await settings.of(asCells)).on, true);
  clock.now += 501;
  assert.equal((await settings.of(asCells)).on, false);
  await writeFile(file, metadata(true));
  settings.forget(asCells);
  assert.equal((await settings.of(asCells)).on, true);
});

test('a notebook that is no file here has no settings, and breaks nothing', async () => {
  const settings = new CachingSettings();
  const nothing = { on: undefined, reloads: false, recomputes: false, files: [] };
  const uris = ['untitled:nb.py', 'vscode-vfs://github/owner/nb.py'];
  // Windows makes a path of it: that of a network share.
  if (process.platform !== 'win32') uris.push('file://host/share/nb.py');
  for (const uri of uris) {
    const text = TextDocument.create(uri, 'python', 1, metadata(true));
    assert.deepEqual(await settings.of({ kind: 'text', uri, text }), nothing);
    assert.deepEqual(await settings.of({ kind: 'cells', uri, cells: [] }), nothing);
  }
});
