import type { VsCode } from '../test/e2e/VsCode';
import { median, milliseconds, type Figure } from './figures';
import { populate, ROUNDS, save, Windows } from './Windows';

/** Seconds for which the extension host is watched. */
const WATCHED = 10;
const SAVES_A_SECOND = 100;

/** What a person waits for before the tree is there, and what that costs the extension host. */
export async function measure(): Promise<Figure[]> {
  return [
    ...(await Windows.within(withLargeDatabase)),
    ...(await Windows.within(withLongNotebook)),
  ];
}

async function withLargeDatabase(windows: Windows, folder: string): Promise<Figure[]> {
  await populate(folder, 50, 40, 50);
  const cache = '100,000 entries in 2,000 cells of 50 notebooks';
  const views: number[] = [];
  const stills: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    views.push(
      await windows.use(folder, (vsCode) =>
        timed(async () => {
          await vsCode.tree.show();
          await vsCode.tree.row('notebook_00.py').waitFor();
        }),
      ),
    );
    stills.push(await windows.use(folder, showStill));
  }
  const [still, updating] = await windows.use(folder, async (vsCode, host) => {
    await vsCode.tree.show();
    await vsCode.tree.expand('notebook_00.py');
    await vsCode.tree.row('step_0').waitFor();
    const before = await host.delays(WATCHED);
    const [during] = await Promise.all([
      host.delays(WATCHED),
      save(folder, SAVES_A_SECOND, WATCHED),
    ]);
    return [before, during];
  });
  const late = ({ max, p99 }: { max: number; p99: number }) =>
    `${milliseconds(max)} (99th percentile ${milliseconds(p99)})`;
  const watched = `the extension host's event loop, measured within it for ${WATCHED} s`;
  return [
    {
      what: `Tree after a click on its icon, ${cache}`,
      value: milliseconds(median(views)),
      how: `median of ${ROUNDS} fresh windows, seen by the browser`,
      goal: '≤ 200 ms',
    },
    {
      what: 'A view of one still row after a click on its icon',
      value: milliseconds(median(stills)),
      how: `another extension's, which reads nothing; median of ${ROUNDS} fresh windows in turn with those, seen by the browser`,
    },
    {
      what: `Longest block while a kernel saves ${SAVES_A_SECOND} entries a second there`,
      value: late(updating),
      how: watched,
      goal: '≤ 16 ms',
    },
    {
      what: 'Longest turn of its thread meanwhile, in processor time',
      value: milliseconds(updating.worked),
      how: `of ${milliseconds(updating.total)} in ${WATCHED} s, in which others' use of the machine has no part`,
    },
    { what: 'Longest block while nothing happens', value: late(still), how: watched },
    {
      what: 'Longest turn while nothing happens, in processor time',
      value: milliseconds(still.worked),
      how: `of ${milliseconds(still.total)} in ${WATCHED} s`,
    },
  ];
}

/** How long the companion's view takes, of which nothing is ours. */
function showStill({ page }: VsCode): Promise<number> {
  return timed(async () => {
    await page.locator('.activitybar .action-item a[aria-label^="Still"]').click();
    await page.locator('.sidebar .pane .monaco-list-row', { hasText: 'still' }).waitFor();
  });
}

async function withLongNotebook(windows: Windows, folder: string): Promise<Figure[]> {
  await populate(folder, 1, 1000, 1);
  const cells = await windows.each(folder, async (vsCode) => {
    await vsCode.tree.show();
    await vsCode.tree.row('notebook_00.py').waitFor();
    return timed(async () => {
      await vsCode.tree.expand('notebook_00.py');
      await vsCode.tree.row('step_0').waitFor();
    });
  });
  return [
    {
      what: '1,000 cells after a click on their notebook',
      value: milliseconds(median(cells)),
      how: `median of ${ROUNDS} fresh windows, seen by the browser`,
    },
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
