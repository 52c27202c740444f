import assert from 'node:assert/strict';
import test from 'node:test';
import {
  formatAge,
  formatRoughAge,
  formatBytes,
  formatDuration,
  languageOf,
} from '../../../src/protocol/quantities';

/** `Intl` puts narrow and unbreakable spaces into some languages' units. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

test('bytes are counted in decimal units, with three digits at most', () => {
  const cases: [number, string][] = [
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [1250, '1.3 kB'],
    [99_940, '99.9 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_600, '1 MB'],
    [12_400_000, '12.4 MB'],
    [2e9, '2 GB'],
    [5.5e15, '5,500 TB'],
  ];
  for (const [size, text] of cases) assert.equal(formatBytes(size, 'en'), text);
  assert.equal(plain(formatBytes(12_400_000, 'de')), '12,4 MB');
  assert.equal(plain(formatBytes(12_400_000, 'fr')), '12,4 Mo');
});

test('durations carry over to the next unit, never "60 s"', () => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [0.0004, '<1 ms'],
    [0.12, '120 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1 s'],
    [3.44, '3.4 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [34, '34 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [90, '1 min 30 s'],
    [599.6, '10 min'],
    [3570, '1 h'],
    [7500, '2 h 5 min'],
    [86_390, '1 day'],
    [93_600, '1 day 2 h'],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds, 'en'), text);
  assert.equal(plain(formatDuration(34, 'de')), '34 Sek.');
});

test('ages name one unit, and a clock behind is "now"', () => {
  const now = 1_700_000_000;
  const hour = 3600;
  const cases: [number, string][] = [
    [-50, 'now'],
    [0, 'now'],
    [9, 'now'],
    [34, '34 s ago'],
    [59.9, '59 s ago'],
    [60, '1 min ago'],
    [2 * hour + 100, '2 h ago'],
    [24 * hour, 'yesterday'],
    [3 * 24 * hour, '3 days ago'],
    [15 * 24 * hour, '2 wk. ago'],
    [90 * 24 * hour, '3 mo. ago'],
    [400 * 24 * hour, '1 yr. ago'],
  ];
  for (const [age, text] of cases) {
    assert.equal(formatAge(now - age, now, 'en'), text);
    // What stays on the screen tells no seconds.
    assert.equal(formatRoughAge(now - age, now, 'en'), age < 60 ? 'now' : text);
  }
  assert.equal(plain(formatAge(now - 2 * hour, now, 'fr')), 'il y a 2 h');
});

test('quantities are in the language of the words around them', () => {
  const env = { language: 'de' };
  assert.equal(languageOf({ env, l10n: { bundle: undefined } }), 'en');
  assert.equal(languageOf({ env, l10n: { bundle: { now: 'jetzt' } } }), 'de');
});
