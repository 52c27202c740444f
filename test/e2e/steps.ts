import type { TestContext } from 'node:test';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { VsCode } from './VsCode';

/** The folder of the sample notebooks. */
const samples = path.resolve(import.meta.dirname, '..', '..', 'sample');

/** @returns an empty folder that is gone after the test. */
export async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-e2e-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

/** @returns a folder that holds these sample notebooks, and is gone after the test. */
export async function folderWith(t: TestContext, notebooks: readonly string[]): Promise<string> {
  // Its name stands at the top of the window, and so of the README's pictures.
  const folder = path.join(await emptyFolder(t), 'notebooks');
  await mkdir(folder);
  for (const notebook of notebooks) {
    await cp(path.join(samples, notebook), path.join(folder, notebook));
  }
  return folder;
}

/** Runs a step, as a test of its own, and saves a picture of how the window looks behind it. */
export type Step = (name: string, run: () => Promise<void>) => Promise<void>;

/**
 * @param chapter the beginning of the pictures' names in test/out
 * @returns a function that runs one step after another; behind a failed one nothing makes sense, so
 *   the ones that follow are skipped.
 */
export function stepsIn(t: TestContext, vsCode: VsCode, chapter: string): Step {
  let number = 0;
  let failed = false;
  return async (name, run) => {
    number++;
    const picture = `${chapter}-${String(number).padStart(2, '0')}-${name.replaceAll(/\W+/g, '-')}`;
    const skip = failed ? 'a step before it failed' : false;
    await t.test(name, { skip }, async () => {
      try {
        await run();
        await vsCode.picture(picture);
      } catch (error) {
        failed = true;
        await vsCode.picture(`${picture}-failed`);
        throw error;
      }
    });
  };
}
