/** What is said at the cell of a disk that is full. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { CachingSettings } from '../../../src/server/CachingSettings';
import { Databases } from '../../../src/server/Databases';
import { DocumentCells } from '../../../src/server/DocumentCells';
import { OpenNotebooks } from '../../../src/server/OpenNotebooks';
import { atEnd } from '../store/cacheFolder';
import { creation, makeNotebookFolder, runSql, savedRows } from './notebookFolder';
import { load, notebook, plot, tail } from './openNotebook';

test('a cell that the next run computes is told of a full disk, one that is served is not', async (t) => {
  const { notebook: file, database } = await makeNotebookFolder(t);
  await runSql(database, creation + savedRows([load, plot, tail]));
  const databases = new Databases((error) => {
    throw error;
  });
  atEnd(t, () => databases.close());
  const uri = pathToFileURL(file).href;
  databases.watch(uri, true);
  const scarceOf = async (room: number | undefined) => {
    const asked = () => Promise.resolve(room);
    const cells = new DocumentCells(databases, new OpenNotebooks(), new CachingSettings(), asked);
    const text = TextDocument.create(uri, 'python', 1, notebook());
    const answer = await cells.judge({ kind: 'text', uri, text });
    assert.ok(answer);
    const facts = await Promise.all(answer.cells.map((cell) => cells.facts(cell, answer)));
    return facts.map(({ scarce }) => scarce);
  };
  assert.deepEqual(await scarceOf(4096), [undefined, undefined, 4096]);
  assert.deepEqual(await scarceOf(5e9), [undefined, undefined, undefined]);
  assert.deepEqual(await scarceOf(undefined), [undefined, undefined, undefined]);
});
