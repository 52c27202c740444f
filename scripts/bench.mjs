// `npm run bench`: measures what the project promises, and writes bench/RESULTS.md.
import { ensureDependencies } from './dependencies.mjs';
import { run } from './programs.mjs';
import { ensureSystem } from './system.mjs';
import { editorVariables, pythonVariables } from './testEnvironment.mjs';

await ensureSystem(['compiler', 'python', 'chromium', 'kerberos']);
await ensureDependencies();
const env = { ...process.env, ...(await pythonVariables()), ...(await editorVariables()) };
const args = ['--import', 'tsx', '--require', './test/register.cjs', 'bench/main.ts'];
process.exitCode = (await run(process.execPath, args, { env })).code;
