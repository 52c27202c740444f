// `npm run bench`: measures what the project promises, and writes bench/RESULTS.md.
// `-- --quick` shows in a minute that it runs; `-- --only put,hover` measures what is named; with
// `-- --json` the ratios are the only thing on standard output; `-- --list` names the cases.
import { ensureDependencies } from './dependencies.mjs';
import { run } from './programs.mjs';
import { ensureSystem } from './system.mjs';
import { benchVariables, editorVariables, pythonVariables } from './testEnvironment.mjs';

const args = process.argv.slice(2);
const only = /(?:^|\s)--only[=\s](\S+)/.exec(args.join(' '))?.[1].split(',');
// Of what is measured, that which needs a VS Code, or kernels beside the benchmark's own.
const editor = ['size', 'activation', 'tree', 'hover', 'arrow', 'clearing', 'overhead', 'editor'];
const needsEditor =
  !args.some((arg) => arg === '--quick' || arg === '--list') &&
  (only?.some((name) => editor.includes(name)) ?? true);

// Installing talks on standard output, which belongs to the ratios, or to their names.
const write = process.stdout.write;
if (args.includes('--json') || args.includes('--list')) {
  process.stdout.write = process.stderr.write.bind(process.stderr);
}
await ensureSystem(needsEditor ? ['compiler', 'python', 'chromium', 'kerberos'] : ['python']);
await ensureDependencies();
const env = {
  ...process.env,
  ...(await benchVariables()),
  ...(needsEditor ? { ...(await pythonVariables()), ...(await editorVariables()) } : {}),
};
process.stdout.write = write;
const program = ['--import', 'tsx', '--require', './test/register.cjs', 'bench/main.ts'];
process.exitCode = (await run(process.execPath, [...program, ...args], { env })).code;
