// The suites of `npm test`: what each needs, how it runs, how its tests are counted.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
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
 * What came of a suite; `again` names what failed at first and passed when it was run once more.
 * @typedef {{passed: number, failed: number, skipped: number, again?: string[]}} Count
 * @typedef {{name: string, beside?: string, run: () => Promise<Count>}} Suite suites that follow each
 *   other with the same `beside` run at the same time
 */

const reports = path.join(root, 'test', 'out', 'reports');

/** Python tests of rows, files and texts, which meet no marimo: the newest environment's are enough. */
const withoutMarimo = [
  ...['alongside', 'amounts', 'budgets', 'checking', 'code', 'damage', 'database', 'full_disk'],
  ...['identity', 'migrating', 'moves', 'retention', 'rubbish', 'sharing', 'sweeping'],
];

/** @returns {Suite[]} all suites, the quick ones first */
export function suites() {
  const versions = marimoVersions();
  return [
    { name: 'types', beside: 'unit', run: () => script('types') },
    { name: 'lint', beside: 'unit', run: () => script('lint') },
    {
      name: 'python-lint',
      beside: 'unit',
      run: async () => pythonLint(await testedPython(versions.at(-1))),
    },
    { name: 'unit', beside: 'unit', run: () => nodeTests('unit') },
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
        // What waits for a kernel leaves a core to another one.
        return nodeTestsInTurn('integration', variables, { atOnce: 2 });
      },
    },
    {
      name: 'e2e',
      run: async () =>
        nodeTestsInTurn('e2e', { ...(await pythonVariables()), ...(await editorVariables()) }),
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
async function one(program, args, options) {
  const { code } = await run(program, args, options);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** A script of `package.json` that is one test. */
function script(name) {
  return one('npm', ['run', '--silent', name], { prefix: `${name}  ` });
}

async function pythonLint(python) {
  const counts = [];
  const options = { cwd: path.join(root, 'python'), prefix: 'python-lint  ' };
  const code = ['.', path.join('..', 'bench'), '--config', 'pyproject.toml'];
  for (const tool of [
    ['ruff', 'check', ...code],
    ['ruff', 'format', '--check', ...code],
    ['mypy'],
  ]) {
    counts.push(await one(python, ['-m', ...tool], options));
  }
  const imports = path.join(path.dirname(python), 'lint-imports');
  counts.push(await one(imports, ['--no-cache', 'pyproject.toml'], options));
  return sum(counts);
}

/** Runs the files `test/<folder>/**\/*.test.ts`, as many at once as there are cores. */
async function nodeTests(folder) {
  // By itself Node leaves one idle.
  const options = { atOnce: availableParallelism(), prefix: `${folder}  ` };
  return nodeRun(folder, testFiles(folder), options);
}

/**
 * Runs the files one after the other, or so many at once: more windows of VS Code than one would only
 * slow each other down. What passes only when it runs once more is told in the end.
 */
async function nodeTestsInTurn(folder, env, { atOnce = 1 } = {}) {
  const waiting = testFiles(folder);
  const counts = [];
  const takeTurns = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      counts.push(await nodeTestFile(folder, file, env));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, takeTurns));
  return { ...sum(counts), again: counts.flatMap(({ again = [] }) => again) };
}

/**
 * Runs one file, and once more when it has a failure: on a busy machine a browser now and then loses a
 * hover or the focus.
 */
async function nodeTestFile(folder, file, env) {
  const report = path.basename(file, '.test.ts');
  const options = { env, prefix: `${report}  ` };
  const first = await nodeRun(path.join(folder, report), [file], options);
  if (first.failed === 0) return first;
  console.log(`\n${file} failed, and runs once more`);
  const second = await nodeRun(path.join(folder, `${report}-again`), [file], options);
  return second.failed === 0 ? { ...second, again: [file] } : second;
}

function testFiles(folder) {
  return readdirSync(path.join(root, 'test', folder), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join('test', folder, file))
    .sort();
}

/** Runs test files in Node's own runner, counted by its TAP report. */
async function nodeRun(name, files, { env = {}, prefix, atOnce = 1 }) {
  const report = await newReport(`${name}.tap`);
  const args = [
    ...['--import', 'tsx', '--require', './test/register.cjs'],
    ...['--test', `--test-concurrency=${atOnce}`],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', `--test-reporter-destination=${report}`],
    ...files,
  ];
  const { code } = await run(process.execPath, args, { env: { ...process.env, ...env }, prefix });
  const tap = await readFile(report, 'utf8').catch(() => '');
  const total = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return checked(code, {
    passed: total('pass'),
    failed: total('fail') + total('cancelled'),
    skipped: total('skipped') + total('todo'),
  });
}

/**
 * Runs the Python tests. A few failures are run once more by themselves: most tests wait for kernels,
 * some against a clock of marimo's own. What passes only then is told in the end.
 */
async function pytest(python, version) {
  // What does not depend on marimo's version runs with the newest one.
  const isNewest = version === marimoVersions().at(-1);
  const args = isNewest ? [] : withoutMarimo.map((name) => `--ignore=tests/test_${name}.py`);
  const env = { ...process.env, CELLAR_TEST_RESILIENCE: isNewest ? 'all' : 'kernels' };
  // The suites of two versions run at once, each with a memory of its own of what failed.
  const memory = path.join(reports, `pytest-${version}`);
  await rm(memory, { recursive: true, force: true });
  args.push('-o', `cache_dir=${memory}`);
  const first = await pytestRun(python, version, args, env);
  if (first.failed === 0 || first.failed > 3) return first;
  console.log(`\n${version}  ${first.failed} failed, and run once more`);
  // A run that broke off has no failed test to repeat, and stays a failure.
  args.push('--last-failed', '--last-failed-no-failures', 'none');
  const second = await pytestRun(python, `${version}-again`, args, env);
  if (second.failed > 0) return first;
  return {
    passed: first.passed + first.failed,
    failed: 0,
    skipped: first.skipped,
    again: [`${first.failed} of the Python tests with marimo ${version}`],
  };
}

/** One run of pytest, counted by its JUnit report. */
async function pytestRun(python, name, args, env) {
  const report = await newReport(`python-${name}.xml`);
  const { code } = await run(
    python,
    ['-m', 'pytest', '-q', 'tests', `--junitxml=${report}`, ...args],
    { cwd: path.join(root, 'python'), env, prefix: `${name}  ` },
  );
  const xml = await readFile(report, 'utf8').catch(() => '');
  const total = (count) =>
    Number(new RegExp(`<testsuite [^>]*\\b${count}="(\\d+)"`).exec(xml)?.[1] ?? 0);
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
  const file = path.join(reports, name);
  await mkdir(path.dirname(file), { recursive: true });
  await rm(file, { force: true });
  return file;
}
