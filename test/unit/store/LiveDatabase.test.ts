import assert from 'node:assert/strict';
import test from 'node:test';
import { LiveDatabase } from '../../../src/store/database/LiveDatabase';
import { openDatabase, type OpenDatabase } from '../../../src/store/database/opening';
import { makeCache, runSql } from './cacheFolder';

test('whoever asks while a database is given up, as its tables changed, is given the one opened anew', async (t) => {
  const path = await makeCache(t);
  const live = new LiveDatabase(await openDatabase(path), () => undefined);
  try {
    await runSql(path, 'CREATE TABLE passing (one); DROP TABLE passing');
    const looked = new AbortController();
    const asking = (async () => {
      const given: OpenDatabase[] = [];
      while (!looked.signal.aborted) given.push(await live.current());
      return given;
    })();
    await live.look();
    looked.abort();
    for (const database of await asking) assert.equal(database.path, path);
    const { connection } = await live.current();
    assert.equal(await connection.number('SELECT count(*) FROM apps'), 0);
  } finally {
    await live.close();
  }
});
