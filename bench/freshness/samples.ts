import { readdirSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '..', '..', 'sample');

/** The sample notebooks, as paths. */
export const samples = readdirSync(folder)
  .filter((file) => file.endsWith('.py'))
  .sort()
  .map((file) => path.join(folder, file));

/** What makes a sample take seconds, and what makes it take a fraction of one. */
const shrunk = [
  ['[50, 100]', '[5, 10]'],
  ['[2, 4, None]', '[2]'],
  ['[2, 4, 8]', '[2]'],
  ['cv=5', 'cv=2'],
  ['20_000', '200'],
  ['GradientBoostingRegressor(random_state=0)', 'GradientBoostingRegressor(n_estimators=5)'],
  ['TSNE(perplexity=perplexity', 'TSNE(max_iter=250, perplexity=perplexity'],
  ['components[::3], perplexity=30', 'components[::30], perplexity=5'],
  ['labels[::3]', 'labels[::30]'],
] as const;

/** The same notebook over the same data, with less to compute. */
export function smaller(text: string): string {
  return shrunk.reduce((left, [slow, quick]) => left.replaceAll(slow, quick), text);
}
