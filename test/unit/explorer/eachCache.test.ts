import assert from 'node:assert/strict';
import test from 'node:test';
import { eachCache } from '../../../src/explorer/commands/eachCache';

const going = new AbortController().signal;
const work = (path: string): Promise<string> =>
  path.startsWith('bad') ? Promise.reject(new Error(path)) : Promise.resolve(path);

test('a cache that cannot be read keeps nobody from the others', async () => {
  const failed: unknown[] = [];
  const done = await eachCache(['bad 1', 'a', 'bad 2', 'b'], going, work, (error) =>
    failed.push(error),
  );
  assert.deepEqual(done, ['a', 'b']);
  assert.deepEqual(failed.map(String), ['Error: bad 1', 'Error: bad 2']);
});

test('where none can be read, the first fault is thrown', async () => {
  const untold = () => assert.fail('told twice');
  await assert.rejects(eachCache(['bad 1', 'bad 2'], going, work, untold), /bad 1/);
  assert.deepEqual(await eachCache([], going, work, untold), []);
});

test('what is thrown once it was cancelled ends it', async () => {
  const stop = new AbortController();
  const asked: string[] = [];
  const stopping = (path: string) => {
    asked.push(path);
    stop.abort();
    return Promise.reject(new Error('stopped'));
  };
  await assert.rejects(
    eachCache(['a', 'b'], stop.signal, stopping, () => assert.fail('told')),
    /stopped/,
  );
  assert.deepEqual(asked, ['a']);
});
