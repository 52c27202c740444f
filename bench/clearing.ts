import path from 'node:path';
import { generationOf } from '../src/store/database/generation';
import { SqliteLoader } from '../src/store/SqliteLoader';
import { median, milliseconds, type Figure } from './figures';
import type { Host } from './Host';
import { populate, Windows } from './Windows';

const TIMES = 7;
const CELLS = 100;
const ENTRIES = 1000;
/** Seconds to compute again above which the user is asked first; a question would be timed too. */
const settings = { 'cellar.confirmClearAbove': 1e9 };

/** The command Clear Cell Cache, as the tree and the hover call it, in a cache of 100,000 entries. */
export function measure(): Promise<Figure[]> {
  return Windows.within(async (windows, folder) => {
    await populate(folder, CELLS / 20, 20, ENTRIES);
    const generation = await generationOf(databaseIn(folder));
    const turns = await windows.use(
      folder,
      async (vsCode, host) => {
        await vsCode.tree.show();
        await vsCode.tree.row('notebook_00.py').waitFor();
        const turns: Awaited<ReturnType<Host['clear']>>[] = [];
        for (let cell = 1; cell <= TIMES; cell++) {
          turns.push(await host.clear(cell, generation));
          // What a clear leaves to be done later is no part of the next one.
          await vsCode.page.waitForTimeout(3000);
        }
        return turns;
      },
      settings,
    );
    await checkCleared(folder);
    return [
      {
        what: `Clear a cell of ${ENTRIES.toLocaleString('en')} entries, of ${(CELLS * ENTRIES).toLocaleString('en')}`,
        value: milliseconds(median(turns.map(({ took }) => took))),
        how: `the command in the extension host, until it has answered; median of ${TIMES} cells`,
        goal: '≤ 100 ms',
      },
      {
        what: 'The same in processor time',
        value: milliseconds(median(turns.map(({ worked }) => worked))),
        how: 'of all threads of the extension host, in which others’ use of the machine has no part',
      },
      {
        what: 'Longest block of the extension host meanwhile',
        value: milliseconds(median(turns.map(({ late }) => late))),
        how: 'its event loop, measured within it until the tree has followed; median of the same',
        goal: '≤ 16 ms',
      },
    ];
  });
}

async function checkCleared(folder: string): Promise<void> {
  const loader = await SqliteLoader.open(databaseIn(folder));
  try {
    for (let cell = 1; cell <= TIMES + 1; cell++) {
      const { entries } = (await loader.cell(cell)) ?? { entries: -1 };
      if (entries !== (cell <= TIMES ? 0 : ENTRIES))
        throw new Error(`cell ${cell}: ${entries} left`);
    }
  } finally {
    await loader.close();
  }
}

const databaseIn = (folder: string): string => path.join(folder, '__marimo__', 'cache', 'cache.db');
