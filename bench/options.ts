import { parseArgs } from 'node:util';

/** How `npm run bench` was called. */
export interface Options {
  /** Prints the ratios, and nothing else, on standard output; RESULTS.md stays as it is. */
  readonly json: boolean;
  /** One round of all that is quick, without a VS Code: shows that it runs. */
  readonly quick: boolean;
  /** Renews in RESULTS.md what is measured, and leaves its other rows as they are. */
  readonly save: boolean;
  /** Prints the ids and measures nothing. */
  readonly list: boolean;
  /** Names of cases or of figures, `editor` for all of these inside VS Code; all of them when it is undefined. */
  readonly only: readonly string[] | undefined;
  /** Instead of each case's own number. */
  readonly rounds: number | undefined;
}

/** The figures that a person at VS Code waits for. */
const EDITOR = ['activation', 'tree', 'hover', 'arrow', 'clearing'];

/** Rounds below which a median says little. */
const FEWEST = 7;

/** @throws with what is wrong, for arguments that are not understood */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
    },
  });
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds ${values.rounds} is no number of rounds`);
  }
  if (values.save && (values.quick || (rounds ?? FEWEST) < FEWEST)) {
    throw new Error(`RESULTS.md holds medians of at least ${FEWEST} rounds`);
  }
  const only = values.only?.split(',').flatMap((name) => (name === 'editor' ? EDITOR : [name]));
  const { json, quick, save, list } = values;
  return { json, quick, save, list, only, rounds };
}
