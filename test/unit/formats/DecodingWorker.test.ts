import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { DecodingWorker } from '../../../src/formats/DecodingWorker';
import { buildDecoder } from './buildDecoder';
import { ALL, as, fixture, fixturePath } from './fixtures';

let folder = '';
let decoder = '';

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cellar-formats-'));
  decoder = await buildDecoder(folder);
});

after(() => {
  rmSync(folder, { recursive: true });
});

/** A thread that misbehaves, in place of the decoder. */
function thread(name: string, code: string): string {
  const file = path.join(folder, `${name}.cjs`);
  writeFileSync(file, `const { parentPort } = require('node:worker_threads');\n${code}`);
  return file;
}

async function using<T>(worker: DecodingWorker, run: (worker: DecodingWorker) => Promise<T>) {
  try {
    return await run(worker);
  } finally {
    await worker.close();
  }
}

void test('a file and bytes are decoded in the bundled thread, one value after the other', async () => {
  await using(new DecodingWorker(decoder), async (worker) => {
    await worker.open({ kind: 'file', path: fixturePath('polars-lz4.arrow') }, 'arrow');
    const table = as('table', await worker.page(ALL));
    assert.equal(table.rows[0]?.[3], 'Ada');
    await worker.open({ kind: 'bytes', bytes: fixture('matrix.npy') }, 'npy');
    const array = as('array', await worker.page(ALL));
    assert.deepEqual(array.shape, [3, 4]);
    await worker.open({ kind: 'bytes', bytes: Buffer.from('PK\u0003\u0004 zip') }, 'pt');
    const bytes = as('bytes', await worker.page(ALL));
    assert.equal(bytes.size, 8);
    assert.deepEqual(bytes.head, [`00000000  50 4b 03 04 20 7a 69 70${' '.repeat(24)}  PK.. zip`]);
  });
});

void test('opening another value rejects what is asked of the one before', async () => {
  await using(new DecodingWorker(decoder), async (worker) => {
    const first = worker.open({ kind: 'bytes', bytes: fixture('matrix.npy') }, 'npy');
    const page = worker.page(ALL);
    const second = worker.open({ kind: 'bytes', bytes: fixture('cube.npy') }, 'npy');
    await Promise.all([first, page].map((late) => assert.rejects(late, { kind: 'closed' })));
    await second;
    assert.deepEqual(as('array', await worker.page(ALL)).shape, [2, 3, 4]);
  });
});

void test('pages that are asked for at once come each with its own rows', async () => {
  await using(new DecodingWorker(decoder), async (worker) => {
    await worker.open({ kind: 'file', path: fixturePath('batches-lz4.arrow') }, 'arrow');
    const starts = [2000, 0, 1500, 999, 2999];
    const pages = await Promise.all(starts.map((from) => worker.page({ ...ALL, from, count: 1 })));
    assert.deepEqual(
      pages.map((page) => as('table', page).rows[0]?.[0]),
      starts.map(String),
    );
  });
});

void test('what cannot be read is told with its kind, and the next value opens', async () => {
  const link = path.join(folder, 'link');
  symlinkSync(fixturePath('matrix.npy'), link);
  await using(new DecodingWorker(decoder), async (worker) => {
    await assert.rejects(worker.page(ALL), { kind: 'closed' });
    const open = (file: string): Promise<void> => worker.open({ kind: 'file', path: file }, 'npy');
    await assert.rejects(open(path.join(folder, 'none')), {
      name: 'DecodeError',
      kind: 'unreadable',
      message: /it is missing/,
    });
    await assert.rejects(open(link), { kind: 'unreadable', message: /it is a link/ });
    await assert.rejects(open(folder), { kind: 'unreadable', message: /not a plain file/ });
    await assert.rejects(open(decoder), { kind: 'damaged', message: /not a numpy array/ });
    await assert.rejects(worker.page(ALL), { kind: 'closed' });
    await open(fixturePath('matrix.npy'));
    as('array', await worker.page(ALL));
  });
});

void test('a cancelled request ends at once, and the thread goes on with the next', async () => {
  await using(new DecodingWorker(decoder), async (worker) => {
    await worker.open({ kind: 'file', path: fixturePath('pyarrow-lz4.arrow') }, 'arrow');
    const early = new AbortController();
    early.abort();
    await assert.rejects(worker.page(ALL, early.signal), { name: 'AbortError' });
    const controller = new AbortController();
    const page = worker.page(ALL, controller.signal);
    controller.abort(new Error('no longer wanted'));
    await assert.rejects(page, { message: 'no longer wanted' });
    as('table', await worker.page(ALL));
  });
});

void test('a thread that does not heed a cancellation is ended, and the value opened again', async () => {
  const file = thread(
    'deaf',
    `parentPort.on('message', ({ kind, id, request }) => {
      if (kind === 'open') parentPort.postMessage({ kind: 'opened', id });
      if (kind === 'page' && request.from === 1) for (;;);
      if (kind === 'page') {
        parentPort.postMessage({ kind: 'page', id, page: { kind: 'bytes', size: 7, head: [] } });
      }
    });`,
  );
  await using(new DecodingWorker(file, { graceMs: 20 }), async (worker) => {
    await worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin');
    const controller = new AbortController();
    const page = worker.page({ ...ALL, from: 1 }, controller.signal);
    const behind = worker.page({ ...ALL, from: 1 });
    controller.abort();
    await assert.rejects(page, { name: 'AbortError' });
    await assert.rejects(behind, { kind: 'crashed' });
    assert.equal(as('bytes', await worker.page(ALL)).size, 7);
  });
});

void test('when the thread ends, all that is asked for is rejected, and a new one is started', async () => {
  const file = thread(
    'mortal',
    `parentPort.on('message', ({ kind, id, request }) => {
      if (kind === 'open') parentPort.postMessage({ kind: 'opened', id });
      if (kind === 'page' && request.from === 1) process.exit(3);
      if (kind === 'page' && request.from === 2) throw new Error('out of its mind');
      if (kind === 'page' && request.from === 3) {
        parentPort.postMessage({ kind: 'page', id, page: { kind: 'bytes', size: 7, head: [] } });
      }
    });`,
  );
  await using(new DecodingWorker(file), async (worker) => {
    await worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin');
    const waiting = worker.page({ ...ALL, from: 0 });
    const last = worker.page({ ...ALL, from: 1 });
    await assert.rejects(waiting, { kind: 'crashed', message: /ended unexpectedly \(code 3\)/ });
    await assert.rejects(last, { kind: 'crashed' });
    as('bytes', await worker.page({ ...ALL, from: 3 }));
    await assert.rejects(worker.page({ ...ALL, from: 2 }), { message: /out of its mind/ });
    as('bytes', await worker.page({ ...ALL, from: 3 }));
  });
});

void test('a thread that takes too much memory is ended, and says so', async () => {
  const file = thread(
    'greedy',
    `parentPort.on('message', () => { const all = []; for (;;) all.push(new Array(1000).fill({})); });`,
  );
  await using(new DecodingWorker(file, { heapMb: 16 }), async (worker) => {
    await assert.rejects(worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin'), {
      kind: 'tooLarge',
    });
  });
});

void test('of a pickle of many long texts no more is kept than there is room for', async () => {
  const text = Buffer.concat([
    Buffer.from('X\xe8\x03\x00\x00', 'latin1'),
    Buffer.alloc(1000, 'x'),
    Buffer.from('\x94a', 'latin1'),
  ]);
  const list = [Buffer.from('\x80\x04]\x94', 'latin1'), ...new Array<Buffer>(50_000).fill(text)];
  const bytes = Buffer.concat([...list, Buffer.from('.')]);
  await using(new DecodingWorker(decoder, { heapMb: 32 }), async (worker) => {
    await worker.open({ kind: 'bytes', bytes }, 'pickle');
    const page = as('pickle', await worker.page(ALL));
    assert.match(page.incomplete ?? '', /only the beginning is shown/);
    assert.equal(page.root?.children?.[499]?.text, 'x'.repeat(1000));
  });
});

void test('a decoder that is not there is an error of the first request', async () => {
  await using(new DecodingWorker(path.join(folder, 'missing.js')), async (worker) => {
    await assert.rejects(worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin'), {
      kind: 'crashed',
    });
  });
});

void test('closing rejects what is asked for, and may be done twice', async () => {
  const worker = new DecodingWorker(thread('silent', `parentPort.on('message', () => {});`));
  const open = worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin');
  const closing = worker.close();
  await assert.rejects(open, { kind: 'closed' });
  await closing;
  await worker.close();
  await assert.rejects(worker.open({ kind: 'bytes', bytes: new Uint8Array(1) }, 'bin'), {
    kind: 'closed',
  });
  await assert.rejects(worker.page(ALL), { kind: 'closed' });
});
