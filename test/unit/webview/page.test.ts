// The preview's page in a real Chromium: what a user sees, hears and presses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Locator } from 'playwright-core';
import type { ToHost, ToPage } from '../../../src/protocol/preview';
import { browserFor, noBrowser } from './browser';
import type { Answer, Opened, OpenOptions } from './browser';
import { answer, entry, values } from './examples';

/** What the tests use of an element in the page: they are compiled without the browser's types. */
interface InPage {
  readonly parentElement: { readonly ariaRowIndex: string };
  scrollTo(left: number, top: number): void;
}
declare function getComputedStyle(element: InPage): Readonly<Record<string, string>>;

describe('the preview’s page', { skip: noBrowser }, () => {
  const opened: Opened[] = [];
  const browser = browserFor(opened);

  const open = async (options: Partial<OpenOptions> = {}): Promise<Opened> => {
    const preview = await browser().open({ entry, answer, ...options });
    opened.push(preview);
    return preview;
  };

  const select = (preview: Opened, name: string): Promise<void> =>
    preview.page.locator('vscode-panel-tab', { hasText: name }).click();

  const asked = ({ heard }: Opened): Extract<ToHost, { type: 'page' }>[] =>
    heard.filter((message) => message.type === 'page');

  /** Waits for the pager to say which rows are shown; the status line for screen readers says it, too. */
  const shows = (page: Opened['page'], span: string): Promise<void> =>
    page.locator('.pager .span').getByText(span, { exact: true }).waitFor();

  const style = (cell: Locator, property: string): Promise<string | undefined> =>
    cell.evaluate((each: InPage, name) => getComputedStyle(each)[name], property);

  const rowNumbers = (preview: Opened): Promise<string[]> =>
    preview.page.locator('.cell[role=rowheader]').allTextContents();

  test('a table shows names, types, values and which rows they are', async () => {
    const preview = await open();
    const { page } = preview;
    await shows(page, 'Rows 1–200 of 1,797');
    const header = page.getByRole('columnheader').nth(2);
    assert.equal(await header.innerText(), 'name\ndictionary<int32, string>');
    assert.equal((await rowNumbers(preview)).length, 200);
    const third = page.getByRole('row').nth(3).getByRole('gridcell');
    assert.equal(await third.nth(0).innerText(), '2');
    assert.equal(await third.nth(1).innerText(), 'two');
    assert.equal(await style(third.nth(0), 'textAlign'), 'right');
    assert.equal(await page.locator('vscode-data-grid').getAttribute('aria-rowcount'), '1798');
    assert.equal(await page.locator('[role=status].heard').innerText(), 'Rows 1–200 of 1,797');
  });

  test('a column is as wide as its values', async () => {
    const { page } = await open();
    const seen = page.getByRole('row').nth(1).getByRole('gridcell').nth(2);
    assert.equal(await seen.innerText(), '2023-11-14T22:13:00');
    const cut = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.cell')].filter((cell) => cell.scrollWidth > cell.clientWidth)
        .map((cell) => cell.textContent)`,
    );
    assert.deepEqual(cut, []);
  });

  test('what a function was called with stands in the head, and a long call leaves room', async () => {
    const { page, say } = await open({ size: { width: 600, height: 500 } });
    const region = page.getByRole('region', { name: 'Called with' });
    await shows(page, 'Rows 1–200 of 1,797');
    assert.equal(await region.count(), 0);
    const call = [
      { name: 'prompt', text: `'Why?\n  <b>${'A word. '.repeat(200)}${'x'.repeat(900)}'` },
      { name: 'model', text: "'small'" },
    ];
    await say({ type: 'entry', entry: { ...entry, call } });
    await region.getByText('<b>A word.').waitFor();
    const box = await region.boundingBox();
    assert.ok(box && box.height <= 150 && box.width <= 600);
    const overflowing = await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    assert.equal(overflowing, 0);
    // The keyboard gets to its end.
    const below = (): Promise<number> =>
      page.evaluate<number>(
        `(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(
          document.querySelector('.call'))`,
      );
    assert.ok((await below()) > 10);
    await region.focus();
    await page.keyboard.press('End');
    while ((await below()) > 1) await page.waitForTimeout(20);
  });

  test('what a result is called and what is known of it stand together, however narrow the page', async () => {
    for (const width of [420, 900]) {
      const { page } = await open({ size: { width, height: 500 } });
      const bottom = async (text: Locator) => {
        const box = await text.boundingBox();
        return (box?.y ?? 0) + (box?.height ?? 0);
      };
      const summary = page.locator('.summary');
      await summary.waitFor();
      const top = (await summary.boundingBox())?.y ?? 0;
      assert.ok(top - (await bottom(page.locator('h1'))) < 12, `${width}`);
    }
  });

  test('the value has the room: what is known of the result is folded at first', async () => {
    const { page } = await open();
    await shows(page, 'Rows 1–200 of 1,797');
    await page.getByText('digits.py, saves 34 s, 12.4 MB, 2 h ago').waitFor();
    assert.equal(await page.getByText('Content addressed').isVisible(), false);
    await page.getByText('About this result').click();
    assert.equal(await page.getByText('Content addressed').isVisible(), true);
  });

  test('a missing value is told from the text "null", for eyes and ears', async () => {
    const { page } = await open();
    const text = page.getByRole('row').nth(5).getByRole('gridcell').nth(1);
    const missing = page.getByRole('row').nth(10).getByRole('gridcell').nth(1);
    assert.equal(await text.innerText(), 'null');
    assert.equal(await missing.innerText(), 'null');
    assert.equal(await style(text, 'fontStyle'), 'normal');
    assert.equal(await style(missing, 'fontStyle'), 'italic');
    assert.equal(await text.getAttribute('aria-label'), null);
    assert.equal(await missing.getAttribute('aria-label'), 'null, no value');
  });

  test('the pager turns to every page and back, and goes to a row', async () => {
    const preview = await open();
    const { page } = preview;
    const press = (name: string): Promise<void> =>
      page.locator(`vscode-button[aria-label="${name}"]`).click();
    await shows(page, 'Rows 1–200 of 1,797');
    await press('Next Page');
    await shows(page, 'Rows 201–400 of 1,797');
    assert.equal((await rowNumbers(preview))[0], '201');
    await press('Last Page');
    await shows(page, 'Rows 1,601–1,797 of 1,797');
    assert.equal((await rowNumbers(preview)).at(-1), '1,797');
    await press('Previous Page');
    await shows(page, 'Rows 1,401–1,600 of 1,797');
    await press('First Page');
    await shows(page, 'Rows 1–200 of 1,797');
    await page.getByRole('textbox', { name: 'Go to row', exact: true }).fill('1,234');
    await page.keyboard.press('Enter');
    await shows(page, 'Rows 1,201–1,400 of 1,797');
    assert.equal(await page.locator(':focus').innerText(), '1,234');
    assert.deepEqual(
      asked(preview).map(({ from, count }) => [from, count]),
      [0, 200, 1600, 1400, 0, 1200].map((from) => [from, 200]),
    );
  });

  test('a button at the end of the table hands the focus on', async () => {
    const { page } = await open();
    await shows(page, 'Rows 1–200 of 1,797');
    await page.locator('vscode-button[aria-label="Last Page"]').focus();
    await page.keyboard.press('Enter');
    await shows(page, 'Rows 1,601–1,797 of 1,797');
    await page.locator('vscode-button[aria-label="Previous Page"]:focus').waitFor();
  });

  test('the keyboard walks the cells of a table', async () => {
    const { page } = await open();
    await shows(page, 'Rows 1–200 of 1,797');
    await page.locator('vscode-data-grid').focus();
    const focused = (): Promise<string> => page.locator(':focus').innerText();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight']) {
      await page.keyboard.press(key);
    }
    assert.equal(await focused(), 'one');
    await page.keyboard.press('Control+End');
    assert.match(await focused(), /^\d+$/);
    assert.equal(
      await page.locator(':focus').evaluate((cell: InPage) => cell.parentElement.ariaRowIndex),
      '201',
    );
    await page.keyboard.press('Control+Home');
    assert.equal(await focused(), 'Row number');
  });

  test('the keyboard reads a text whole that its column cuts, and copies it', async () => {
    const long = `a ${'very '.repeat(30)}long text`;
    const longer: typeof answer = (message) =>
      answer(message).map((told) =>
        told.type === 'page' && told.page.kind === 'table'
          ? {
              ...told,
              page: {
                ...told.page,
                rows: told.page.rows.map(([a, , ...rest]) => [a ?? '', long, ...rest]),
              },
            }
          : told,
      );
    const { page } = await open({ answer: longer });
    await shows(page, 'Rows 1–200 of 1,797');
    await page.evaluate(`addEventListener('copy', ({ clipboardData }) => {
      document.body.dataset.copied = clipboardData.getData('text/plain');
    })`);
    const copied = async (): Promise<string | null> => {
      await page.keyboard.press('Control+c');
      return page.locator('body').getAttribute('data-copied');
    };
    const isCut = (): Promise<boolean> =>
      page.evaluate('(({ activeElement: cell }) => cell.scrollWidth > cell.clientWidth)(document)');
    await page.locator('vscode-data-grid').focus();
    for (const key of ['ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    assert.equal(await copied(), 'name');
    assert.equal(
      await page.evaluate(`(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(
        document.querySelector('[role=gridcell]:nth-child(3)'))`),
      true,
    );
    await page.keyboard.press('ArrowDown');
    assert.equal(await isCut(), false);
    assert.equal(await copied(), long);
    const height = (await page.locator(':focus').boundingBox())?.height ?? 0;
    assert.ok(height > 50, 'on as many lines as it takes');
    const number = page.getByRole('rowheader').first();
    assert.equal((await number.boundingBox())?.height, height, 'with the line beside it');
    await page.keyboard.press('ArrowDown');
    const [first] = await page.locator('[role=gridcell]:nth-child(3)').all();
    assert.equal((await first?.boundingBox())?.height, 26);
    await select({ page } as Opened, 'report');
    await page.getByRole('tree').waitFor();
    await page.getByRole('treeitem', { name: 'accuracy' }).focus();
    assert.equal(await copied(), 'accuracy: 0.9722222222222222');
  });

  test('header and row numbers stay in view while a table scrolls', async () => {
    const { page } = await open();
    await shows(page, 'Rows 1–200 of 1,797');
    const grid = page.locator('vscode-data-grid');
    await grid.evaluate((each: InPage) => {
      each.scrollTo(900, 2000);
    });
    const top = await grid.boundingBox();
    const header = await page.getByRole('columnheader').nth(20).boundingBox();
    // 2,000 pixels down, a row of 26 pixels near the 80th is on the screen.
    const number = await page.locator('.cell[role=rowheader]').nth(80).boundingBox();
    assert.ok(top !== null && header !== null && number !== null);
    assert.ok(Math.abs(header.y - top.y) <= 2);
    assert.ok(Math.abs(number.x - top.x) <= 2);
    assert.ok(number.y > header.y && number.y < top.y + top.height, 'it scrolled');
  });

  test('JSON is a tree for the keyboard', async () => {
    const preview = await open();
    const { page } = preview;
    await select(preview, 'report');
    const tree = page.getByRole('tree');
    await tree.waitFor();
    const items = tree.getByRole('treeitem');
    assert.equal(await items.count(), 11);
    assert.equal(await items.nth(4).getAttribute('aria-level'), '2');
    assert.equal(await items.nth(4).getAttribute('aria-posinset'), '4');
    assert.equal(await items.nth(4).getAttribute('aria-setsize'), '5');
    assert.equal(await tree.locator('[tabindex="0"]').count(), 1);
    await tree.locator('[tabindex="0"]').focus();
    const focused = (): Promise<string> => page.locator(':focus').innerText();
    await page.keyboard.press('End');
    assert.equal(await focused(), '2: 0.98');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await focused(), 'scores: [3]');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.locator(':focus').getAttribute('aria-expanded'), 'false');
    assert.equal(await items.count(), 8);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focused(), '0: 0.96');
    await page.keyboard.press('Home');
    await page.keyboard.type('pa');
    assert.equal(await focused(), 'parameters: {2}');
    assert.equal(await tree.locator('[tabindex="0"]').count(), 1);
  });

  test('what a cell plotted is a picture, and nothing else is fetched', async () => {
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const pictures = [`data:image/png;base64,${png}`, 'https://example.org/a.png'];
    const children = pictures.map((picture) => {
      return { key: 'image/png', type: 'picture', text: '70 bytes', picture } as const;
    });
    const root = { key: '', type: 'array', text: '2', children } as const;
    const printed = { kind: 'tree', incomplete: undefined, root } as const;
    const preview = await browser().open({
      entry,
      answer: (message) =>
        message.type === 'page' ? [{ type: 'page', request: message.request, page: printed }] : [],
    });
    await select(preview, 'report');
    const images = preview.page.getByRole('img', { name: '70 bytes' });
    await images.nth(1).waitFor();
    const widths = await images.evaluateAll((all: { naturalWidth: number }[]) =>
      all.map(({ naturalWidth }) => naturalWidth),
    );
    assert.deepEqual(widths, [1, 0]);
    assert.match(preview.faults.join('\n'), /Content Security Policy/);
  });

  test('texts from a stranger’s file are texts', async () => {
    const hostile =
      '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>';
    const preview = await open({
      entry: {
        ...entry,
        title: hostile,
        facts: [{ label: 'Notebook', text: hostile, detail: hostile, code: true }],
        values: values.map((value) => ({ ...value, kind: hostile })),
      },
    });
    const { page } = preview;
    await shows(page, 'Rows 1–200 of 1,797');
    assert.equal(await page.locator('h1').innerText(), hostile);
    assert.equal(
      await page.getByRole('row').nth(6).getByRole('gridcell').nth(1).innerText(),
      '<b>five</b>',
    );
    await select(preview, 'report');
    await page.getByText('note: "<img src=x onerror=alert(1)>"').waitFor();
    assert.equal(await page.locator('img, b, script:not([nonce])').count(), 0);
    assert.equal(await page.evaluate('window.harmed'), undefined);
  });

  test('the policy lets no script in but the page’s own', async () => {
    const preview = await browser().open({ entry, answer });
    await preview.page.evaluate(`
      const script = document.createElement('script');
      script.textContent = 'window.harmed = true';
      document.body.append(script);
    `);
    assert.equal(await preview.page.evaluate('window.harmed'), undefined);
    assert.match(preview.faults.join('\n'), /Content Security Policy/);
  });

  test('arrays, pickles and bytes say what they are', async () => {
    const preview = await open();
    const { page } = preview;
    await select(preview, 'images');
    await page.getByText('1797 × 8 × 8').waitFor();
    await page.locator('dd').getByText('float64', { exact: true }).waitFor();
    await page.getByText('[1, 7]').waitFor();
    await select(preview, 'model');
    await page.getByText('Cellar never loads it').waitFor();
    const tree = page.getByRole('tree', { name: 'What it holds' });
    await tree.getByText('sklearn.ensemble._forest.RandomForestClassifier').waitFor();
    await tree.getByText('n_estimators: 100').waitFor();
    await page.locator('.codes').getByText('sklearn.tree._classes').waitFor();
    await select(preview, 'thumbnail');
    await page.getByText('00000010  10 17').waitFor();
    await select(preview, 'random state');
    const items = preview.page.getByRole('listitem').locator('visible=true');
    await items.nth(2).waitFor();
    assert.deepEqual(await items.allInnerTexts(), [
      "random: Python's own generator, if it stands where the cell found it",
      "numpy.random: NumPy's own generator, always, since the cell seeds it",
      'rng: a generator of the notebook, if it stands where the cell found it',
    ]);
  });

  test('a costly table is read only when the user says so', async () => {
    const preview = await open();
    const { page } = preview;
    await select(preview, 'everything');
    await page.getByText('3,000,000 rows (1.9 GB in memory)').waitFor();
    assert.deepEqual(
      asked(preview).map(({ allowCostly }) => allowCostly),
      [false, false],
    );
    await page.locator('vscode-button', { hasText: 'Show Anyway' }).click();
    await shows(page, 'Rows 1–200 of 3,000,000');
    assert.equal(asked(preview).at(-1)?.allowCostly, true);
  });

  test('long reading can be cancelled, and begun again', async () => {
    let slow = true;
    const preview = await open({ answer: (message) => (slow ? [] : answer(message)) });
    const { page, heard } = preview;
    await page.locator('.progress').getByText('Reading…').waitFor();
    await page.locator('.progress vscode-button', { hasText: 'Cancel' }).click();
    await page.locator('.body').getByText('Cancelled.').waitFor();
    assert.deepEqual(heard.at(-1), { type: 'cancel', request: 1 });
    assert.equal(await page.locator('span.progress').isVisible(), false);
    slow = false;
    await page.locator('vscode-button', { hasText: 'Try Again' }).click();
    await shows(page, 'Rows 1–200 of 1,797');
  });

  test('another value is selected while one is read: the first is cancelled', async () => {
    const first = values[0]?.key;
    const late: Answer = (message) =>
      message.type === 'page' && message.key === first ? [] : answer(message);
    const preview = await open({ answer: late });
    await select(preview, 'report');
    await preview.page.getByRole('tree').waitFor();
    assert.ok(preview.heard.some(({ type }) => type === 'cancel'));
    await select(preview, 'digits');
    await preview.page.locator('.body').getByText('Cancelled.').waitFor();
  });

  test('an error names the file and a way out', async () => {
    const problem = {
      message: 'The stored bytes are not those that were saved.',
      wayOut: 'Clear the cell and run it again.',
      file: '/notebooks/__marimo__/cache/blobs/ab/abcd.arrow',
    };
    const preview = await open({
      answer: (message): ToPage[] =>
        message.type === 'page' ? [{ type: 'failed', request: message.request, problem }] : [],
    });
    const card = preview.page.getByRole('alert');
    await card.waitFor();
    for (const text of Object.values(problem)) await card.getByText(text).waitFor();
    await card.locator('vscode-button', { hasText: 'Show Log' }).click();
    await card.locator('vscode-button', { hasText: 'Try Again' }).click();
    assert.deepEqual(preview.heard.at(-2), { type: 'command', command: 'showLog' });
    assert.equal(preview.heard.at(-1)?.type, 'page');
  });

  test('what happened to the entry is told, and leads to the newer one', async () => {
    const preview = await open();
    const { page, say, heard } = preview;
    await shows(page, 'Rows 1–200 of 1,797');
    await say({ type: 'entry', entry: { ...entry, fate: { kind: 'cleared', newer: false } } });
    await page.getByText('This result was cleared.').waitFor();
    assert.equal(await page.locator('vscode-button', { hasText: 'Show It' }).count(), 0);
    assert.equal((await rowNumbers(preview)).length, 200);
    await say({ type: 'entry', entry: { ...entry, fate: { kind: 'outdone' } } });
    await page.locator('vscode-button', { hasText: 'Show It' }).click();
    assert.deepEqual(heard.at(-1), { type: 'command', command: 'showNewer' });
    await say({ type: 'entry', entry });
    await page.locator('.banner').waitFor({ state: 'detached' });
  });

  test('a value is not yet verified, verified, or damaged', async () => {
    const preview = await open();
    const { page, say } = preview;
    const checked = (check: (typeof values)[number]['check']): Promise<void> => {
      const [first, ...others] = values;
      if (first === undefined) throw new Error('The example has no values.');
      return say({ type: 'entry', entry: { ...entry, values: [{ ...first, check }, ...others] } });
    };
    const badge = page.locator('.value-view .check vscode-badge');
    await checked({ kind: 'checking' });
    await badge.getByText('not yet verified').waitFor();
    await checked({ kind: 'verified' });
    await badge.getByText('verified', { exact: true }).waitFor();
    const problem = { message: 'Other bytes.', wayOut: 'Run it again.', file: '/ab.arrow' };
    await checked({ kind: 'damaged', problem });
    await badge.getByText('damaged').waitFor();
    await page.getByRole('alert').getByText('digits: Other bytes. Run it again.').waitFor();
  });

  test('the buttons ask for what they say; in Restricted Mode they say why not', async () => {
    const preview = await open();
    const { page, heard, say } = preview;
    for (const [name, command] of [
      ['Reveal Cell', 'revealCell'],
      ['Clear Cell', 'clearCell'],
      ['Clear Notebook', 'clearApp'],
    ] as const) {
      await page.locator('header vscode-button', { hasText: name }).click();
      assert.deepEqual(heard.at(-1), { type: 'command', command });
    }
    // Of a function's results, this one alone can be cleared.
    const clearOne = page.locator('header vscode-button', { hasText: 'Clear Result' });
    assert.equal(await clearOne.isVisible(), false);
    await say({ type: 'entry', entry: { ...entry, call: [{ name: 'prompt', text: "'Why?'" }] } });
    await clearOne.click();
    assert.deepEqual(heard.at(-1), { type: 'command', command: 'clearResult' });
    const fate = { kind: 'cleared', newer: false } as const;
    const call = [{ name: 'prompt', text: "'Why?'" }];
    await say({ type: 'entry', entry: { ...entry, call, fate } });
    await clearOne.locator('button:disabled').waitFor();
    const reveal = page.locator('header vscode-button', { hasText: 'Reveal Cell' });
    await say({ type: 'entry', entry: { ...entry, revealing: false } });
    await reveal.locator('button:disabled').waitFor();
    const clearing = { kind: 'restricted', reason: 'Not in Restricted Mode.' } as const;
    await say({ type: 'entry', entry: { ...entry, clearing } });
    await page.getByText('Not in Restricted Mode.').waitFor();
    const clear = page.locator('header vscode-button', { hasText: 'Clear Cell' });
    assert.equal(await clear.locator('button').isDisabled(), true);
    const before = heard.length;
    await clear.click({ force: true });
    assert.equal(heard.length, before);
    await page.locator('vscode-button', { hasText: 'Manage Workspace Trust' }).click();
    assert.deepEqual(heard.at(-1), { type: 'command', command: 'manageTrust' });
  });

  test('a page that is made again shows what it showed', async () => {
    const preview = await open();
    const { page } = preview;
    await page.locator('vscode-button[aria-label="Next Page"]').click();
    await shows(page, 'Rows 201–400 of 1,797');
    await page.locator('summary').click();
    const state = await preview.state();
    assert.deepEqual((state as { bookmark: unknown }).bookmark, entry.bookmark);
    const again = await open({ state });
    await shows(again.page, 'Rows 201–400 of 1,797');
    assert.equal(await again.page.locator('details').getAttribute('open'), '');
    await select(again, 'report');
    const third = await open({ state: await again.state() });
    await third.page.getByRole('tree').waitFor();
  });

  test('a page that is made again shows the rows of a tab that was left and come back to', async () => {
    const preview = await open();
    await preview.page.locator('vscode-button[aria-label="Next Page"]').click();
    await shows(preview.page, 'Rows 201–400 of 1,797');
    await select(preview, 'report');
    await preview.page.getByRole('tree').waitFor();
    await select(preview, 'digits');
    await shows(preview.page, 'Rows 201–400 of 1,797');
    const again = await open({ state: await preview.state() });
    await shows(again.page, 'Rows 201–400 of 1,797');
  });

  test('the tab that the keyboard comes to is seen whole', async () => {
    const { page } = await open({ size: { width: 600, height: 500 } });
    await shows(page, 'Rows 1–200 of 1,797');
    await page.locator('vscode-panel-tab[aria-selected=true]').focus();
    // What stands out of the strip of tabs, on either side.
    const cut = (): Promise<number[]> =>
      page.evaluate<number[]>(
        `(() => {
          const tab = document.querySelector('vscode-panel-tab[aria-selected=true]');
          const [at, strip] = [tab, tab.parentElement].map((each) => each.getBoundingClientRect());
          return [strip.left - at.left, at.right - strip.right].map((by) => Math.max(0, Math.round(by)));
        })()`,
      );
    for (const key of [
      ...values.slice(1).map(() => 'ArrowRight'),
      ...values.slice(1).map(() => 'ArrowLeft'),
    ]) {
      await page.keyboard.press(key);
      assert.deepEqual(await cut(), [0, 0], key);
    }
  });

  test('the host selects a value, and is told once that is so', async () => {
    const preview = await open();
    const key = values[2]?.key ?? '';
    await preview.say({ type: 'select', key });
    await preview.page.getByRole('tree').waitFor();
    const selected = preview.page.locator('vscode-panel-tab[aria-selected=true]');
    await selected.getByText('report').waitFor();
    assert.deepEqual(
      preview.heard.filter(({ type }) => type === 'selected'),
      [{ type: 'selected', key }],
    );
  });

  test('an entry that is not there says so', async () => {
    const { page, say } = await open();
    const problem = { message: 'It is no longer there.', wayOut: 'Run the cell.', file: '/c.db' };
    await say({ type: 'unavailable', problem });
    await page.getByRole('alert').getByText('It is no longer there.').waitFor();
    await say({ type: 'entry', entry });
    await shows(page, 'Rows 1–200 of 1,797');
  });
});
