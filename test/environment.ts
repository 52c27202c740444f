import { env } from 'node:process';

/** What `npm test` prepares for the tests that need more than Node (scripts/suites.mjs). */
function given(name: string): string {
  const value = env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run this suite by \`npm test -- integration e2e\``);
  }
  return value;
}

/** @returns the Python of each tested version of marimo, oldest first. */
export function pythons(): { version: string; python: string }[] {
  const byVersion = JSON.parse(given('CELLAR_TEST_PYTHONS')) as Record<string, string>;
  return Object.entries(byVersion).map(([version, python]) => ({ version, python }));
}

/** @returns the Python with the newest marimo that is tested. */
export function newestPython(): string {
  const newest = pythons().at(-1);
  if (newest === undefined) throw new Error('no version of marimo is tested');
  return newest.python;
}

/** @returns the Python that has what Cellar is compared with. */
export function benchPython(): string {
  return given('CELLAR_BENCH_PYTHON');
}

/**
 * @returns code-server, the packaged extension, the folder of extensions that it was installed into,
 *   and the browser that shows them.
 */
export function editor(): Record<'node' | 'entry' | 'vsix' | 'extensions' | 'chromium', string> {
  return {
    node: given('CELLAR_TEST_NODE'),
    entry: given('CELLAR_TEST_CODE_SERVER'),
    vsix: given('CELLAR_TEST_VSIX'),
    extensions: given('CELLAR_TEST_EXTENSIONS'),
    chromium: given('CELLAR_TEST_CHROMIUM'),
  };
}

/** @returns the program uv. */
export function uv(): string {
  return given('CELLAR_TEST_UV');
}
