import assert from 'node:assert/strict';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { challenge } from '../../../src/endpoint/Endpoint';
import { storeSetting } from '../../../src/explorer/setup/servedStore';
import { takeLineBack, writeLine } from '../../../src/explorer/setup/storeLine';
import { CannotSet } from '../../../src/explorer/setup/tomlSetting';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-line-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Answers as an endpoint does whoever has no token. */
const asEndpoint: RequestListener = (_, response) => {
  response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
};

/** Something that listens, as another window's endpoint does, until the test ends or it is closed. */
async function listener(t: TestContext, answer = asEndpoint) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, close };
}

const settingFor = (port: number) =>
  storeSetting('0.24.1', { port, token: 'secret', project: 'cellar-work-0a1b2c3d' });

test('a file that is made for the line is private, and goes with it', async (t) => {
  const file = path.join(await folderOf(t), 'marimo', 'marimo.toml');
  const { port } = await listener(t);
  assert.equal(await writeLine(file, settingFor(port), port), 1);
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(await takeLineBack(file, port), true);
  await assert.rejects(stat(file));
  assert.equal(await takeLineBack(file, port), false);
});

test('a file that was there is as it was, private, and still a link if it was one', async (t) => {
  const folder = await folderOf(t);
  const real = path.join(folder, 'dotfiles.toml');
  const file = path.join(folder, 'marimo.toml');
  const before = '# mine\r\n[display]\r\ntheme = "dark"\r\n';
  await writeFile(real, before, { mode: 0o644 });
  await symlink(real, file);
  const { port } = await listener(t);
  await writeLine(file, settingFor(port), port);
  assert.match(await readFile(real, 'utf8'), /secret/);
  if (process.platform !== 'win32') assert.equal((await stat(real)).mode & 0o777, 0o600);
  assert.ok((await lstat(file)).isSymbolicLink());
  assert.equal(await takeLineBack(file, port), false);
  assert.equal(await readFile(real, 'utf8'), before);
});

test('the line of another window stays while that one serves', async (t) => {
  const file = path.join(await folderOf(t), 'marimo.toml');
  const [other, ours] = [await listener(t), await listener(t)];
  await writeLine(file, settingFor(other.port), other.port);
  const before = await readFile(file, 'utf8');
  await assert.rejects(
    writeLine(file, settingFor(ours.port), ours.port),
    (error) => error instanceof CannotSet && error.why === 'another',
  );
  await takeLineBack(file, ours.port);
  await takeLineBack(file);
  assert.equal(await readFile(file, 'utf8'), before);

  await other.close();
  await writeLine(file, settingFor(ours.port), ours.port);
  assert.ok((await readFile(file, 'utf8')).includes(String(ours.port)));
});

test('what a window left that ended badly is taken back by the next', async (t) => {
  const folder = await folderOf(t);
  await mkdir(path.join(folder, 'marimo'));
  const file = path.join(folder, 'marimo', 'marimo.toml');
  await writeFile(file, '[display]\n');
  const { port, close } = await listener(t);
  await writeLine(file, settingFor(port), port);
  await close();
  await takeLineBack(file);
  assert.equal(await readFile(file, 'utf8'), '[display]\n');
});

const strangers: Readonly<Record<string, RequestListener>> = {
  'answers otherwise': (_, response) => response.writeHead(401).end(),
  'does not answer': ({ socket }) => socket.destroy(),
};

for (const [what, answer] of Object.entries(strangers)) {
  test(`a line whose port is another program's by now goes: one that ${what}`, async (t) => {
    const file = path.join(await folderOf(t), 'marimo.toml');
    const ours = await listener(t);
    const stranger = await listener(t, answer);
    await writeLine(file, settingFor(stranger.port), stranger.port);
    await writeLine(file, settingFor(ours.port), ours.port);
    assert.ok((await readFile(file, 'utf8')).includes(String(ours.port)));
    await takeLineBack(file, ours.port);
    await writeLine(file, settingFor(stranger.port), stranger.port);
    await takeLineBack(file);
    await assert.rejects(readFile(file));
  });
}
