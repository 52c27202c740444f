import { mkdir } from 'node:fs/promises';
import type { VsCode } from '../test/e2e/VsCode';
import { median, milliseconds, type Figure } from './figures';
import type { Host } from './Host';
import { ROUNDS, Windows } from './Windows';

/** What every window pays for, a notebook in it or not; notes/method.md says what is counted. */
export function measure(): Promise<Figure[]> {
  return Windows.within(async (windows, folder) => {
    await mkdir(folder);
    const turns = await windows.each(folder, async (vsCode, host) => ({
      start: await started(vsCode, host),
      reported: await reported(vsCode),
      native: await host.hasNativeModule(),
    }));
    const part = (of: 'load' | 'activate') =>
      milliseconds(median(turns.map(({ start }) => start[of])));
    return [
      {
        what: 'Activation, no database in the workspace',
        value: milliseconds(median(turns.map(({ start }) => start.load + start.activate))),
        how: `what the extension host spends on it: reading the code ${part('load')}, activate() ${part('activate')}; medians of ${ROUNDS} fresh windows`,
        goal: '≤ 20 ms',
      },
      {
        what: 'The same as VS Code reports it',
        value: milliseconds(median(turns.map((turn) => turn.reported))),
        how: 'with what other extensions do that start at the same time',
      },
      {
        what: 'Native module loaded then',
        value: turns.some(({ native }) => native) ? 'yes' : 'no',
        how: `the shared objects of the extension host's process, ${ROUNDS} windows`,
        goal: 'no',
      },
    ];
  });
}

/** Waits until VS Code has started Cellar, which it does in no order of ours. */
async function started(vsCode: VsCode, host: Host): ReturnType<Host['start']> {
  let start = { load: NaN, activate: NaN };
  await vsCode.eventually(async () => {
    start = await host.start();
  });
  return start;
}

/** @returns the milliseconds that VS Code's list of extensions gives for it */
async function reported(vsCode: VsCode): Promise<number> {
  // The list draws only the rows that can be seen.
  await vsCode.page.setViewportSize({ width: 1280, height: 4000 });
  await vsCode.command('Developer: Show Running Extensions');
  const row = vsCode.page.locator('.runtime-extensions-editor .monaco-list-row', {
    hasText: 'Cell Cache',
  });
  const text = await row.locator('.activation-time').innerText();
  const found = /(\d+)\s*ms/.exec(text)?.[1];
  if (found === undefined) throw new Error(`no activation time in "${text}"`);
  return Number(found);
}
