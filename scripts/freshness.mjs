// `npm run freshness`: over random edits of the samples, whether what is said of a cell comes true
// in the next run of a real kernel. `-- --json` prints nothing but the result; `-- --seed N` makes
// other edits, `-- --edits N` another number of them, `-- --verbose` tells what was not right.
import { measure } from './measure.mjs';
import { build } from './package.mjs';

await measure('bench/freshness.ts', () => build({ production: false }));
