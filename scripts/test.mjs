// `npm test`: runs every suite, also after one has failed, and closes with the sum of all.
// `npm test -- unit e2e` runs the named suites only; `--nothing-skipped` also fails the run when a
// whole suite could not run, which is how CI calls it.
import { parseArgs } from 'node:util';
import { ensureDependencies } from './dependencies.mjs';
import { suites, sum } from './suites.mjs';
import { ensureSystem } from './system.mjs';
import { CannotRun } from './testEnvironment.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'nothing-skipped': { type: 'boolean', default: false } },
});
const all = suites();
// `python` stands for python-lint and python-<version of marimo>.
const isNamed = ({ name }, by) => name === by || name.startsWith(`${by}-`);
const chosen = all.filter(
  (suite) => positionals.length === 0 || positionals.some((by) => isNamed(suite, by)),
);
const unknown = positionals.filter((by) => !all.some((suite) => isNamed(suite, by)));
if (unknown.length > 0) {
  throw new Error(`No suite ${unknown.join(', ')}; there are ${all.map((s) => s.name).join(', ')}`);
}

await ensureSystem(['compiler', 'python', 'chromium', 'kerberos']);
await ensureDependencies();

const results = [];
for (const group of inGroups(chosen)) {
  console.log(`\n=== ${group.map(({ name }) => name).join(', ')}`);
  results.push(...(await Promise.all(group.map(timed))));
}

console.log('\n=== all suites');
for (const { name, count, reason, ms } of results) {
  const said = reason === undefined ? sentence(count) : `did not run: ${reason}`;
  console.log(`${name.padEnd(16)} ${(ms / 1000).toFixed(0).padStart(5)} s   ${said}`);
}
for (const what of results.flatMap(({ count }) => count.again ?? [])) {
  console.log(`passed on the second try only: ${what}`);
}
const total = sum(results.map(({ count }) => count));
const notRun = results.some(({ reason }) => reason !== undefined);
process.exitCode = total.failed > 0 || (notRun && values['nothing-skipped']) ? 1 : 0;
console.log(sentence(total));

/** Suites in their order, those that follow each other and may run side by side together. */
function inGroups(ordered) {
  const groups = [];
  for (const suite of ordered) {
    const last = groups.at(-1);
    if (suite.beside !== undefined && last?.[0].beside === suite.beside) last.push(suite);
    else groups.push([suite]);
  }
  return groups;
}

async function timed(suite) {
  const begun = Date.now();
  const result = await outcome(suite);
  return { name: suite.name, ...result, ms: Date.now() - begun };
}

/** Runs one suite; whatever happens to it, the next one runs too. */
async function outcome(suite) {
  try {
    return { count: await suite.run() };
  } catch (error) {
    if (error instanceof CannotRun) {
      return { count: { passed: 0, failed: 0, skipped: 1 }, reason: error.message };
    }
    console.error(error);
    return { count: { passed: 0, failed: 1, skipped: 0 } };
  }
}

function sentence({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
