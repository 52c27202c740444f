// `npm run identity`: over generated edits of real notebooks, how often a cell is known again.
// `-- --json` prints nothing but the result; `-- --seed N` makes other edits.
import { measure } from './measure.mjs';

await measure('bench/identity.ts');
