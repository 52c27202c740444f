// The overview's page in a real Chromium, while the caches that it tells of change.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Locator } from 'playwright-core';
import { overviewView } from '../../../src/preview/overviewView';
import type { OverviewView, Saver } from '../../../src/protocol/overview';
import { browserFor, noBrowser, type OpenedOverview } from './browser';

const words = overviewView([], [], { locale: 'en', now: 0, trusted: true, nameOf: String }).words;

const saver = (name: string, time: string, cells: readonly Saver[] = []): Saver => ({
  name,
  time,
  amount: '',
  hits: '1',
  cells,
});

const first = saver('a.py', '6 s', [saver('load', '5 s')]);

const view: OverviewView = {
  words,
  empty: undefined,
  restricted: undefined,
  problems: [],
  tiles: [{ label: 'Time saved in all', value: '11 s', detail: '11 hits' }],
  bars: [{ label: '26 Thu', text: '11 s', share: 1 }],
  rooms: [
    { name: 'work', text: '1 GB of 5 GB', share: 0.2, over: false, lines: [], cleanings: [] },
  ],
  savers: [first, saver('b.py', '5 s')],
  money: false,
};

/** The same with more above the notebooks, so that they move down. */
const longer: OverviewView = {
  ...view,
  tiles: [{ label: 'Time saved in all', value: '12 s', detail: '12 hits' }],
  rooms: view.rooms.map((room) => ({
    ...room,
    share: 0.4,
    cleanings: Array.from({ length: 5 }, (_, i) => `${i + 1} h ago`),
  })),
};

describe('the overview’s page', { skip: noBrowser }, () => {
  const opened: OpenedOverview[] = [];
  const browser = browserFor(opened);

  const open = async (shown = view, height = 400): Promise<OpenedOverview> => {
    const overview = await browser().openOverview(shown, { width: 800, height });
    opened.push(overview);
    return overview;
  };

  const toggleOf = ({ page }: OpenedOverview, name: string): Locator =>
    page.getByRole('button', { name });

  const topOf = async (part: Locator): Promise<number> => (await part.boundingBox())?.y ?? NaN;

  test('a click in the midst of which newer figures are shown is not lost', async () => {
    const overview = await open();
    const { page } = overview;
    const toggle = toggleOf(overview, 'a.py');
    await toggle.hover();
    await page.mouse.down();
    await overview.show(longer);
    await page.getByText('12 s').waitFor();
    await page.mouse.up();
    await page.getByRole('rowheader', { name: 'load' }).waitFor();
    assert.equal(await toggle.getAttribute('aria-expanded'), 'true');
  });

  test('what the pointer is on stays under it, whatever comes above', async () => {
    const overview = await open();
    const toggle = toggleOf(overview, 'b.py');
    await toggle.hover();
    const top = await topOf(toggle);
    for (const [shown, text] of [
      [longer, '12 s'],
      [view, '11 hits'],
    ] as const) {
      await overview.show(shown);
      await overview.page.getByText(text).first().waitFor();
      assert.ok(Math.abs((await topOf(toggle)) - top) <= 1, 'it moved');
    }
  });

  test('the keyboard stays where it is, and what is unfolded stays so', async () => {
    const overview = await open();
    const { page } = overview;
    const toggle = toggleOf(overview, 'a.py');
    await toggle.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('rowheader', { name: 'load' }).waitFor();
    // Another order, too: the other one saved more by now.
    await overview.show({ ...longer, savers: [saver('b.py', '9 s'), first] });
    await page.getByText('9 s').waitFor();
    assert.ok(
      await toggle.evaluate('document.activeElement?.textContent').then((t) => t === 'a.py'),
    );
    assert.equal(await page.getByRole('rowheader', { name: 'load' }).count(), 1);
    assert.deepEqual(await page.getByRole('rowheader').allInnerTexts(), ['b.py', 'a.py', 'load']);
    await page.keyboard.press('Space');
    await page.getByRole('rowheader', { name: 'load' }).waitFor({ state: 'detached' });
  });

  test('what a tile says stands on one line, and within the page, at any width', async () => {
    const tiles = [
      ...['Time saved in all', 'In the last 7 days', 'Today'].map((label) => ({
        label,
        value: '12,345 h 59 min',
        detail: '1,234,567 hits',
      })),
      {
        label: 'Money saved in all',
        value: '1,234,567.50',
        detail: '12,345.50 in the last 7 days',
      },
    ];
    const overview = await open({ ...view, tiles });
    const { page } = overview;
    assert.equal(await page.locator('.tile > *').count(), 12);
    for (const width of [320, 700, 930, 1250]) {
      await page.setViewportSize({ width, height: 400 });
      const wrapped = await page.evaluate(`[...document.querySelectorAll('.tile > *')]
        .filter((line) => {
          const range = document.createRange();
          range.selectNodeContents(line);
          return range.getClientRects().length !== 1;
        })
        .map((line) => line.textContent)`);
      assert.deepEqual(wrapped, [], `${width} px`);
      const wide = await page.evaluate('document.documentElement.scrollWidth');
      assert.ok(typeof wide === 'number' && wide <= width, `wider than ${width} px`);
    }
  });

  test('who reads further down is not thrown back to the top', async () => {
    const overview = await open(view, 200);
    const { page } = overview;
    const y = () => page.evaluate<number>('scrollY');
    await page.evaluate('scrollTo(0, 120)');
    await overview.show(longer);
    await page.getByText('12 hits').waitFor({ state: 'attached' });
    assert.ok((await y()) >= 120);
  });

  test('figures, bars and what cannot be read are told anew, and commands work on', async () => {
    const overview = await open();
    const { page } = overview;
    await overview.show({ ...longer, problems: ['a is torn'], restricted: 'Restricted.' });
    await page.getByRole('alert').getByText('a is torn').waitFor();
    assert.equal(await page.getByRole('meter').getAttribute('aria-valuenow'), '40');
    const fill = page.locator('.fill');
    assert.match((await fill.getAttribute('style')) ?? '', /width: 40%/);
    const prune = page.locator('vscode-button', { hasText: words.prune });
    assert.notEqual(await prune.getAttribute('disabled'), null);
    // A problem that stays is not read out again: the very element stays.
    await page.evaluate("document.querySelector('[role=alert]').mark = 1");
    await overview.show({ ...view, problems: ['b is torn', 'a is torn'] });
    await page.getByText('b is torn').waitFor();
    assert.equal(await page.evaluate("document.querySelectorAll('[role=alert]')[1].mark"), 1);
    assert.equal(await prune.getAttribute('disabled'), null);
    await prune.click();
    assert.deepEqual(overview.heard, [{ type: 'ready' }, { type: 'command', command: 'prune' }]);
    await overview.show({ ...view, empty: 'Nothing is cached here yet.' });
    await page.getByText('Nothing is cached here yet.').waitFor();
    assert.equal(await page.getByRole('heading').count(), 1);
  });
});
