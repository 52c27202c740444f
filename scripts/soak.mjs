// `npm run soak`: the long form of the suites that try to break a cache, some ten minutes; its
// figures go to bench/RESILIENCE.md. `CELLAR_SEED` repeats the choices of a run, and
// `npm run soak -- --scale 0.1` does a tenth of it and writes nothing.
import path from 'node:path';
import { root, run } from './programs.mjs';
import { newestMarimoPython } from './python.mjs';
import { ensureSystem } from './system.mjs';

await ensureSystem(['compiler', 'python']);
const python = await newestMarimoPython();
const report = path.join(root, 'bench', 'RESILIENCE.md');
const args = ['-m', 'tests.resilience.soak', '--report', report, ...process.argv.slice(2)];
process.exitCode = (await run(python, args, { cwd: path.join(root, 'python') })).code;
