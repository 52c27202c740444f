/** Who is answered, and how, over the wire. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { challenge } from '../../../src/endpoint/Endpoint';
import { makeFolder, runSql } from '../store/cacheFolder';
import { bytesOf, serve, statusOf, token } from './serving';

const whole = 'model/C_h1.pickle';
const small = Buffer.from('a small value');
const large = Buffer.alloc(300_000, 'large');

test('without the token there is nothing, whatever is asked', async (t) => {
  const { ask, endpoint, database } = await serve(t);
  await ask('PUT', whole, { body: small });
  for (const authorization of [
    null,
    '',
    'Bearer',
    'Bearer wrong',
    `Bearer ${token}x`,
    `Basic ${token}`,
    token,
  ]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const options = { authorization, ...(method === 'PUT' ? { body: large } : {}) };
      assert.equal(
        await statusOf(ask(method, whole, options)),
        401,
        `${method} ${authorization ?? ''}`,
      );
    }
  }
  const root = await fetch(`http://127.0.0.1:${endpoint.port}/`);
  assert.equal(root.status, 401);
  assert.equal(root.headers.get('WWW-Authenticate'), challenge);
  assert.deepEqual(await bytesOf(ask('GET', whole)), small, 'nothing was changed');
  assert.ok(database);
});

test('it listens on loopback and nowhere else', async (t) => {
  const { endpoint } = await serve(t);
  const others = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of others) {
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = connect({ host: address, port: endpoint.port, timeout: 2000 });
        socket.on('connect', resolve).on('error', reject).on('timeout', reject);
      }),
      address,
    );
  }
});

test('keys that no store of marimo sends, other projects and methods', async (t) => {
  const { ask, endpoint } = await serve(t);
  const headers = { Authorization: `Bearer ${token}` };
  for (const key of [
    '',
    'a//b',
    'a/..%2Fb',
    'a/%00',
    'a/b?c=d',
    'a/b%3Fc',
    '%E0%A4%A',
    'x'.repeat(3000),
  ]) {
    assert.equal(await statusOf(ask('PUT', key, { body: small })), 404, key);
    assert.equal(await statusOf(ask('GET', key)), 404, key);
  }
  const other = await fetch(`http://127.0.0.1:${endpoint.port}/q/${whole}`, { headers });
  assert.equal(other.status, 404);
  const deleted = await ask('DELETE', whole);
  assert.equal(deleted.status, 405);
  assert.equal(deleted.headers.get('allow'), 'GET, HEAD, PUT');
});

test('a body that breaks off, or is too large, saves nothing and leaves nothing', async (t) => {
  const { ask, endpoint, database, reports } = await serve(t);
  await ask('PUT', whole, { body: small });
  const left = async () =>
    (await readdir(join(dirname(database), 'blobs')).catch(() => [])).filter((name) =>
      name.startsWith('.partial'),
    );
  const socket = connect({ host: '127.0.0.1', port: endpoint.port });
  socket.write(`${headOf(whole, 1 << 30)}${'x'.repeat(1 << 20)}`);
  while ((await left()).length === 0) await sleep(5);
  socket.destroy();
  while ((await left()).length > 0) await sleep(5);
  assert.deepEqual(await bytesOf(ask('GET', whole)), small);

  // A length that is only claimed: nobody sends five gigabytes here.
  assert.match(await claim(endpoint.port, headOf(whole, 5 * 2 ** 30)), /^HTTP\/1\.1 413 /);
  assert.deepEqual(await bytesOf(ask('GET', whole)), small);
  assert.deepEqual(await left(), []);
  assert.deepEqual(reports, [], 'neither is a fault of ours');
});

test('several that begin the cache at once, and save the same, get along', async (t) => {
  const { ask, reports } = await serve(t);
  const statuses = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      statusOf(ask('PUT', `model/C_${i % 4}.pickle`, { body: large })),
    ),
  );
  assert.deepEqual(new Set(statuses), new Set([200]));
  for (let i = 0; i < 4; i++) {
    assert.deepEqual(await bytesOf(ask('GET', `model/C_${i}.pickle`)), large);
  }
  assert.deepEqual(reports, []);
});

test('a database that is not ours is left alone, and every answer says failure', async (t) => {
  const folder = await makeFolder(t);
  const database = join(folder, 'foreign.db');
  await runSql(database, 'CREATE TABLE theirs (x)');
  const before = await readFile(database);
  const { ask, reports } = await serve(t, { folder, database, audited: false });
  assert.equal(await statusOf(ask('GET', whole)), 500);
  assert.equal(await statusOf(ask('PUT', whole, { body: small })), 500);
  assert.equal(reports.length, 2);
  assert.deepEqual(await readFile(database), before);
});

test('a folder in which nothing can be written: hits are served, saves refused', async (t) => {
  if (process.getuid?.() === 0) {
    t.skip('root may write everywhere');
    return;
  }
  const { ask, database } = await serve(t);
  await ask('PUT', whole, { body: small });
  await chmod(dirname(database), 0o555);
  t.after(() => chmod(dirname(database), 0o755));
  assert.deepEqual(await bytesOf(ask('GET', whole)), small);
  assert.equal(await statusOf(ask('PUT', 'model/C_h2.pickle', { body: small })), 403);
});

test('after it has closed nobody is answered, and the port is free', async (t) => {
  const { ask, endpoint } = await serve(t);
  await ask('PUT', whole, { body: small });
  await endpoint.close();
  await endpoint.close();
  await assert.rejects(ask('GET', whole));
});

test('a large value goes to the disk as it comes, and comes from there', async (t) => {
  const { ask, database } = await serve(t);
  const blobs = join(dirname(database), 'blobs');
  const piece = Buffer.alloc(1 << 20, 7);
  const written = async () => {
    const [partial] = await readdir(blobs).catch(() => []);
    return partial === undefined ? 0 : (await stat(join(blobs, partial))).size;
  };
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Half of it has to be on the disk before the other half is sent.
      while (sent === 16 && (await written()) < 14 << 20) await sleep(5);
      if (sent++ < 32) controller.enqueue(piece);
      else controller.close();
    },
  });
  assert.equal(await statusOf(ask('PUT', whole, { body })), 200);
  const answer = await ask('GET', whole);
  assert.equal(answer.headers.get('content-length'), String(32 << 20));
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.alloc(32 << 20, 7));
});

/** The head of a PUT that announces a body of some length. */
function headOf(key: string, length: number): string {
  const lines = ['Host: x', `Authorization: Bearer ${token}`, `Content-Length: ${length}`];
  return [`PUT /p/${key} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** Sends a head and no body. @returns what is answered. */
function claim(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('error', reject).on('close', () => {
      resolve(answer);
    });
    socket.write(head);
  });
}
