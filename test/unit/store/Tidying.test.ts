import assert from 'node:assert/strict';
import test from 'node:test';
import { Access } from '../../../src/store/Access';
import { ChangeFeed } from '../../../src/store/database/ChangeFeed';
import { clear } from '../../../src/store/entries/clearing';
import { LiveDatabase } from '../../../src/store/database/LiveDatabase';
import { openDatabase } from '../../../src/store/database/opening';
import { Tidying } from '../../../src/store/Tidying';
import type { Writer } from '../../../src/store/database/Writer';
import { makeCache, makeEntry, makeItem, openCache } from './cacheFolder';

test('whoever waits to change something is let by, and nothing that is left over is forgotten', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (const name of ['one', 'two', 'three']) {
    const code = `${name} = 1`;
    const cell = { ...makeEntry().cell, name, code, defs: [name] };
    const node = {
      codeDigest: Buffer.from(name).toString('hex').padEnd(64, '0'),
      code,
      parents: [],
    };
    const items = [makeItem(`${name}/a`, 'a', Buffer.from(name))];
    await loader.save(makeEntry({ cell, hash: name, node, items }));
  }
  const report = (error: unknown) => {
    throw error;
  };
  const live = new LiveDatabase(await openDatabase(path), () => undefined);
  const changes = new ChangeFeed(path, () => live.look(), report, undefined);
  const access = new Access(live, changes);
  const tidying = new Tidying(access, report);
  const clearCell = async (cellId: number) => {
    const { leftovers } = await access.write((writer, blobs) =>
      clear(writer, blobs, path, [{ kind: 'cell', cellId }], Date.now() / 1000),
    );
    tidying.add(leftovers);
  };
  const left = (writer: Writer) =>
    writer.look((connection) =>
      connection.get(
        'SELECT (SELECT count(*) FROM blobs) AS blobs, (SELECT count(*) FROM nodes) AS nodes',
      ),
    );
  try {
    await clearCell(1);
    // Both wait before the tidying has had its turn.
    const [seen] = await Promise.all([access.write(left), clearCell(2)]);
    assert.deepEqual(seen, { blobs: 3, nodes: 3 });
    assert.deepEqual(await access.write(left), { blobs: 3, nodes: 3 });
    await access.settled();
    assert.deepEqual(await access.write(left), { blobs: 1, nodes: 1 });
  } finally {
    await access.close();
    await live.close();
  }
});
