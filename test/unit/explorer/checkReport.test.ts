import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type Checked,
  notice,
  type Reader,
  reportText,
  summary,
} from '../../../src/explorer/commands/checkReport';
import type { Fault } from '../../../src/store/checking/checking';
import type { Mended } from '../../../src/store/checking/mending';

const digest = 'ab'.repeat(32);
const damaged: Fault = {
  kind: 'wrong-bytes',
  about: digest,
  message: 'its bytes are not those that were saved',
};
const owner = (name: string | undefined, code = '') => ({
  notebook: '/project/market.py',
  name,
  code,
});

const reader: Reader = { locale: 'en', trusted: true };

const text = (...faults: readonly Fault[]): string => textFor(reader, ...faults);

const textFor = (who: Reader, ...faults: readonly Fault[]): string =>
  reportText(
    [
      {
        name: 'work',
        path: '/project/__marimo__/cache/cache.db',
        generation: '1:2:3',
        report: { faults, entries: 3, size: 1200, quarantined: 0 },
      },
    ],
    who,
  );

test('what is damaged is told by cell and notebook, with the way out', () => {
  const told = text({ ...damaged, owners: [owner('prices'), owner(undefined, 'x = 1\n')] });
  assert.ok(
    told.includes(
      `Damaged values (1)\n  prices of market.py, x = 1 of market.py: its bytes are not those that were saved (${digest.slice(0, 12)}...)\n`,
    ),
    told,
  );
  assert.match(told, /never served: the next run of its cell computes it\sagain\./);
  assert.match(told, /choose Put Right\.\.\./);
});

test('a cache that cannot be read is part of what was found', () => {
  const report = { faults: [], entries: 3, size: 1200, quarantined: 0 };
  const whole: Checked = { name: 'work', path: '/notebooks/cache.db', generation: '1:2:3', report };
  const torn: Checked = {
    name: 'torn',
    path: '/torn/cache.db',
    failure: '/torn/cache.db is not an SQLite database. Move or delete the file.',
  };
  const told = reportText([whole, torn], reader);
  assert.match(told, /\n\nThis cache cannot be read\n {2}cache\.db is not .*delete the file\.$/);
  assert.match(told, /Nothing is wrong\./);
  assert.equal(summary([whole, torn], 'en'), 'The cache torn cannot be read.');
  assert.equal(summary([whole], 'en'), 'Nothing is wrong with the cache.');
  const faulty: Checked = { ...whole, report: { ...report, faults: [damaged] } };
  assert.equal(summary([faulty, torn], 'en'), '2 things are wrong with what is cached.');
  assert.equal(summary([faulty], 'en'), 'One thing is wrong with the cache work.');
  const many: Checked = { ...whole, report: { ...report, faults: Array(1234).fill(damaged) } };
  assert.equal(summary([many], 'en'), '1,234 things are wrong with what is cached.');
  assert.match(reportText([many], reader), /Damaged values \(1,234\)[^]*and 1,214 more\n/);
});

test('in Restricted Mode nothing is offered that would not be done', () => {
  const told = textFor({ ...reader, trusted: false }, damaged);
  assert.doesNotMatch(told, /Put Right/);
  assert.match(told, /trust this\sworkspace/);
});

test('the way out is read without scrolling, and a command is copied whole', () => {
  const path = `/${'far/'.repeat(30)}cache.db`;
  const failure = `${path} is not an SQLite database. Move or delete the file: the next run begins a cache in its place.`;
  const torn = reportText([{ name: 'torn', path, failure }], reader);
  const [, , , ...lines] = torn.split('\n');
  assert.ok(lines.length > 2 && lines.every((line) => line.length <= 80), torn);
  const told = text(damaged, { kind: 'integrity', about: 'cache.db', message: 'torn' });
  assert.match(told, /^ {2}python -m marimo_cellar check ".*" --repair$/m);
});

test('a value of many cells names some of them', () => {
  const owners = ['a', 'b', 'c', 'd', 'e'].map((name) => owner(name));
  assert.match(text({ ...damaged, owners }), / c of market\.py, 2 more: its bytes/);
});

test('what is nobody’s is told by what it is, and no cell has to run for it', () => {
  const told = text({ kind: 'unknown-file', about: 'blobs/x', message: 'a file that has no row' });
  assert.match(told, /^ {2}blobs\/x: a file that has no row$/m);
  assert.doesNotMatch(told, /next run/);
});

test('each kind of fault has its own way out', () => {
  const file = { kind: 'unreadable-file', about: digest, message: 'EACCES' } as const;
  assert.match(text(file), /permissions of the file/);
  assert.doesNotMatch(text(file), /Put Right|--repair/);
  const torn = { kind: 'integrity', about: 'cache.db', message: 'torn' } as const;
  assert.match(text(torn), /check "\/project\/__marimo__\/cache\/cache\.db" --repair/);
  assert.doesNotMatch(text(torn), /Put Right/);
});

test('a cell’s name cannot turn the reading of the report around', () => {
  assert.doesNotMatch(text({ ...damaged, owners: [owner('a\u202eb\nc')] }), /\u202e|b\nc/);
});

test('what was put right is one short line, without what there was none of', () => {
  const nothing: Mended = { quarantined: 0, removed: 0, files: 0, runtime: 0 };
  assert.equal(notice([nothing], 'en'), 'Put right.');
  assert.equal(notice([{ ...nothing, files: 1 }], 'en'), 'Put right: 1 file.');
  assert.equal(
    notice(
      [
        { ...nothing, quarantined: 1, runtime: 2 },
        { ...nothing, removed: 2 },
      ],
      'en',
    ),
    'Put right: 1 value, 2 results worth 2 s.',
  );
});
