// The suites of `npm test`: what each needs, how it runs, how its tests are counted.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from './package.mjs';
import { root, run } from './programs.mjs';
import { marimoVersions } from './python.mjs';
import {
  benchVariables,
  editorVariables,
  pythonVariables,
  testedPython,
} from './testEnvironment.mjs';

/**
 * What came of a suite.
 * @typedef {{passed: number, failed: number, skipped: number}} Count
 * @typedef {{name: string, beside?: string, run: () => Promise<Count>}} Suite suites that follow each
 *   other with the same `beside` run at the same time
 */

const reports = path.join(root, 'test', 'out', 'reports');

/** Python tests of rows, files and texts, which meet no marimo: the newest environment's are enough. */
const withoutMarimo = [
  ...['checking', 'code', 'damage', 'database', 'full_disk', 'identity', 'migrating', 'moves'],
  ...['retention', 'sharing', 'sweeping'],
];

/** @returns {Suite[]} all suites, the quick ones first */
export function suites() {
  const versions = marimoVersions();
  return [
    { name: 'types', run: () => one('npm', ['run', '--silent', 'types']) },
    { name: 'lint', run: () => one('npm', ['run', '--silent', 'lint']) },
    { name: 'unit', run: () => nodeTests('unit') },
    { name: 'python-lint', run: async () => pythonLint(await testedPython(versions.at(-1))) },
    ...versions.map((version) => ({
      name: `python-${version}`,
      // Each waits for its kernels most of the time.
      beside: 'python',
      run: async () => pytest(await testedPython(version), version),
    })),
    {
      name: 'integration',
      run: async () => {
        const variables = { ...(await pythonVariables()), ...(await benchVariables()) };
        await build({ production: false });
        return nodeTests('integration', variables);
      },
    },
    {
      name: 'e2e',
      run: async () =>
        nodeTests('e2e', { ...(await pythonVariables()), ...(await editorVariables()) }),
    },
  ];
}

/**
 * @param {Count[]} counts
 * @returns {Count} all of them together
 */
export function sum(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const count of counts) for (const key of Object.keys(total)) total[key] += count[key];
  return total;
}

/** A program that is one test: it passes when its exit code is zero. */
async function one(program, args, folder = '.') {
  const { code } = await run(program, args, { cwd: path.join(root, folder) });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

async function pythonLint(python) {
  const counts = [];
  const code = ['.', path.join('..', 'bench'), '--config', 'pyproject.toml'];
  for (const tool of [
    ['ruff', 'check', ...code],
    ['ruff', 'format', '--check', ...code],
    ['mypy'],
  ]) {
    counts.push(await one(python, ['-m', ...tool], 'python'));
  }
  return sum(counts);
}

/** Runs the files `test/<folder>/**\/*.test.ts` in Node's own runner, counted by its TAP report. */
async function nodeTests(folder, env = {}) {
  const report = await newReport(`${folder}.tap`);
  const files = readdirSync(path.join(root, 'test', folder), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join('test', folder, file));
  const args = [
    ...['--import', 'tsx', '--require', './test/register.cjs', '--test'],
    // Windows of VS Code and kernels would only slow each other down.
    ...(folder === 'unit' ? [] : ['--test-concurrency=1']),
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', `--test-reporter-destination=${report}`],
    ...files.sort(),
  ];
  const { code } = await run(process.execPath, args, { env: { ...process.env, ...env } });
  const tap = await readFile(report, 'utf8').catch(() => '');
  const total = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return checked(code, {
    passed: total('pass'),
    failed: total('fail') + total('cancelled'),
    skipped: total('skipped') + total('todo'),
  });
}

/** Runs the Python tests, counted by pytest's JUnit report. */
async function pytest(python, version) {
  const report = await newReport(`python-${version}.xml`);
  const args = ['-m', 'pytest', '-q', 'tests', `--junitxml=${report}`];
  // What does not depend on marimo's version runs with the newest one.
  const isNewest = version === marimoVersions().at(-1);
  if (!isNewest) args.push(...withoutMarimo.map((name) => `--ignore=tests/test_${name}.py`));
  const env = { ...process.env, CELLAR_TEST_RESILIENCE: isNewest ? 'all' : 'kernels' };
  const options = { cwd: path.join(root, 'python'), env, prefix: `${version}  ` };
  const { code } = await run(python, args, options);
  const xml = await readFile(report, 'utf8').catch(() => '');
  const total = (name) =>
    Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const failed = total('failures') + total('errors');
  const skipped = total('skipped');
  return checked(code, { passed: total('tests') - failed - skipped, failed, skipped });
}

/** A runner that failed without a failed test, or ran no test at all, is a failure too. */
function checked(code, count) {
  const ran = count.passed + count.failed > 0;
  return (code !== 0 || !ran) && count.failed === 0 ? { ...count, failed: 1 } : count;
}

async function newReport(name) {
  await mkdir(reports, { recursive: true });
  const file = path.join(reports, name);
  await rm(file, { force: true });
  return file;
}
