import assert from 'node:assert/strict';
import test from 'node:test';
import {
  endpointsIn,
  lineOf,
  storeSetting,
  withEndpoint,
  withoutEndpoint,
} from '../../../src/explorer/setup/servedStore';
import { CannotSet } from '../../../src/explorer/setup/tomlSetting';
import { useSqlite, scriptSettings } from '../../../src/explorer/setup/userConfig';

const address = { port: 40123, token: 'se-cr_et', project: 'cellar-work-0a1b2c3d' };
const now = storeSetting('0.24.1', address);
const before = storeSetting('0.24.0', address);
const line =
  'store = { type = "rest", args = { base_url = "http://127.0.0.1:40123", api_key = "se-cr_et", project_id = "cellar-work-0a1b2c3d" } }';

const written: { name: string; text: string; with: string; at: number }[] = [
  { name: 'an empty file', text: '', with: `[cache]\n${line}\n`, at: 1 },
  {
    name: 'a file of other settings, whose comments and layout stay',
    text: '# mine\n[display]\ntheme  =  "dark"\n',
    with: `# mine\n[display]\ntheme  =  "dark"\n\n[cache]\n${line}\n`,
    at: 5,
  },
  {
    name: "the cache's other settings",
    text: '[cache]\nverification = "off"\n\n[display]\ntheme = "dark"\n',
    with: `[cache]\n${line}\nverification = "off"\n\n[display]\ntheme = "dark"\n`,
    at: 1,
  },
  {
    name: 'dotted keys',
    text: 'cache.verification = "off"\n[display]\n',
    with: `cache.${line}\ncache.verification = "off"\n[display]\n`,
    at: 0,
  },
];

for (const { name, text, with: after, at } of written) {
  test(`the line is added to ${name}, and taken out again`, () => {
    assert.deepEqual(withEndpoint(text, now), { text: after, line: at, already: false });
    assert.equal(withoutEndpoint(after), text);
    assert.deepEqual(endpointsIn(after), [40123]);
  });
}

test('the line of an endpoint that was gives way', () => {
  const former = storeSetting('0.24.1', { ...address, port: 1, token: 'old' });
  const { text } = withEndpoint('[display]\ntheme = "dark"\n', former);
  const next = withEndpoint(text, now).text;
  assert.equal(next, withEndpoint('[display]\ntheme = "dark"\n', now).text);
  const other = withEndpoint(next, before).text;
  assert.deepEqual(endpointsIn(other), [40123]);
  assert.equal(withoutEndpoint(other), '[display]\ntheme = "dark"\n');
});

test('the copied line is a whole configuration, for each marimo', () => {
  assert.equal(lineOf(now), `cache.${line}`);
  assert.deepEqual(endpointsIn(lineOf(now)), [40123]);
  assert.equal(
    lineOf(before),
    `experimental.cache${line.slice('store'.length).replace('type =', 'store =')}`,
  );
  assert.deepEqual(endpointsIn(lineOf(before)), [40123]);
});

test('what marimo makes of the line when it saves its settings is taken out as well', () => {
  const rest = '[cache]\nverification = "off"\n\n';
  const saved =
    '[cache.store]\ntype = "rest"\n\n[cache.store.args]\napi_key = "se-cr_et"\n' +
    'base_url = "http://127.0.0.1:40123"\nproject_id = "cellar-work-0a1b2c3d"\n\n';
  const display = '[display]\ntheme = "dark"\n';
  assert.equal(withoutEndpoint(rest + saved + display), rest + display);
  assert.equal(withoutEndpoint(saved + display), display);
  assert.equal(withoutEndpoint(display + '\n' + saved), display);
});

for (const text of [
  '[cache.store]\ntype = "redis"\nargs = { password = "hidden" }\n',
  '[cache]\nstore = { type = "rest", args = { base_url = "https://example.org", api_key = "hidden" } }\n',
  '[[cache.store]]\ntype = "file"\n',
]) {
  test(`another store stays, and what is said of it is no secret: ${JSON.stringify(text)}`, () => {
    assert.equal(withoutEndpoint(text), text);
    for (const attempt of [
      () => withEndpoint(text, now),
      () => useSqlite(text, scriptSettings['0.24.1']),
    ]) {
      assert.throws(
        attempt,
        (error) =>
          error instanceof CannotSet &&
          error.why === 'another' &&
          !error.message.includes('hidden'),
      );
    }
  });
}

test('a broken file is left alone', () => {
  for (const attempt of [withoutEndpoint, (text: string) => withEndpoint(text, now)]) {
    assert.throws(
      () => attempt('[cache\n'),
      (error) => error instanceof CannotSet && error.why === 'brokenToml',
    );
  }
});
