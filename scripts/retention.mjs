// `npm run retention`: replays traces against policies, and writes bench/RETENTION.md.
// `-- --json` prints the two ratios and nothing else, `-- --habits` what could be known;
// `-- --speed` times a large clean-up instead.
import path from 'node:path';
import { root, run } from './programs.mjs';
import { newestMarimoPython } from './python.mjs';

const python = await newestMarimoPython();
const args = process.argv.slice(2);
const file = args[0] === '--speed' ? 'speed.py' : 'main.py';
const main = path.join(root, 'bench', 'retention', file);
const env = { ...process.env, PYTHONPATH: path.join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' };
process.exitCode = (await run(python, [main, ...args], { env })).code;
