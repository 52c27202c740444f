import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { assignCells } from '../src/notebook/identity';
import { Notebook } from '../src/notebook/notebook';
import { newestPython } from '../test/environment';
import { editScripts, type EditScript } from '../test/editScripts';

const SCRIPTS = 2000;
const SEED = 20261125;

/** `npm run identity`: how often cells are recognised over edits whose truth is known. */
function main(): void {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(SEED) },
      // Every cell that was not assigned rightly, on standard error.
      verbose: { type: 'boolean', default: false },
    },
  });
  const counts = { right: 0, wrong: 0, needlesslyNew: 0 };
  const edited = { ...counts };
  for (const script of editScripts(realNotebooks(), SCRIPTS, Number(values.seed))) {
    for (const [index, verdict] of judge(script).entries()) {
      counts[verdict]++;
      if (wasEdited(script, index)) edited[verdict]++;
      if (values.verbose && verdict !== 'right') describe(script, index, verdict);
    }
  }
  const shares = sharesOf(counts);
  if (values.json) {
    const { right, wrong, needlesslyNew } = shares;
    console.log(JSON.stringify({ right, wrong, needlessly_new: needlesslyNew, scripts: SCRIPTS }));
    return;
  }
  const line = (what: string, of: Record<Verdict, number>, shares: Record<Verdict, number>) => {
    const [right, wrong, needlesslyNew] = [shares.right, shares.wrong, shares.needlesslyNew].map(
      (share) => `${(100 * share).toFixed(2)} %`,
    );
    const all = of.right + of.wrong + of.needlesslyNew;
    console.log(
      `${what} (${all}): ${right} right, ${wrong} wrong, ${needlesslyNew} needlessly new`,
    );
  };
  console.log(`${SCRIPTS} edit scripts, seed ${values.seed}`);
  line('All cells', counts, shares);
  line('Of them those that were edited, named or made', edited, sharesOf(edited));
}

function sharesOf(counts: Record<Verdict, number>): Record<Verdict, number> {
  const all = counts.right + counts.wrong + counts.needlesslyNew;
  return {
    right: counts.right / all,
    wrong: counts.wrong / all,
    needlesslyNew: counts.needlesslyNew / all,
  };
}

/** Whether a cell does not look as it did, or was not there. */
function wasEdited({ before, after }: EditScript, index: number): boolean {
  const cell = after[index];
  const known = before.find(({ id }) => cell?.truth.includes(id));
  return !known || known.code !== cell?.code || known.name !== cell.name;
}

/** The cells of our samples and of the tutorials that marimo ships. */
function realNotebooks(): { name: string | undefined; code: string }[][] {
  const where =
    'import marimo, pathlib; print(pathlib.Path(marimo.__file__).parent / "_tutorials")';
  const tutorials = execFileSync(newestPython(), ['-c', where], { encoding: 'utf8' }).trim();
  const folders = [path.resolve(import.meta.dirname, '..', 'sample'), tutorials];
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.py'))
      .sort()
      .flatMap((file) => {
        const notebook = Notebook.parse(readFileSync(path.join(folder, file), 'utf8'));
        return notebook ? [notebook.cells.map(({ cell: { name, code } }) => ({ name, code }))] : [];
      }),
  );
}

type Verdict = 'right' | 'wrong' | 'needlesslyNew';

function judge({ before, after }: EditScript): Verdict[] {
  const assigned = assignCells(before, after);
  const codes = new Map(before.map((cell) => [cell.id, cell.code]));
  const given = new Set(assigned.map(({ id }) => id));
  return after.map(({ truth }, index) => {
    const id = assigned[index]?.id;
    if (id !== undefined) {
      const isRight = truth.some((one) => one !== undefined && codes.get(one) === codes.get(id));
      return isRight ? 'right' : 'wrong';
    }
    if (!truth.includes(undefined)) return 'needlesslyNew';
    // Where either of two may be the cell, one of them has to be it.
    const others = after.filter((other) => other.truth.some((one) => one && truth.includes(one)));
    const missed = truth.some((one) => one !== undefined && !given.has(one));
    return others.length > 1 && missed ? 'needlesslyNew' : 'right';
  });
}

function describe({ edits, before, after }: EditScript, index: number, verdict: Verdict): void {
  const cell = after[index];
  const { id, reason } = assignCells(before, after)[index] ?? {};
  const show = (other: { name: string | undefined; code: string } | undefined) =>
    `${other?.name ?? '_'} ${JSON.stringify(other?.code.slice(0, 300))}`;
  console.error(`${verdict} by ${reason ?? ''}: ${edits.join(', ')}\n  now ${show(cell)}`);
  console.error(`  given ${show(before.find((one) => one.id === id))}`);
  for (const one of cell?.truth ?? []) {
    const known = before.find((other) => other.id === one);
    console.error(`  truth ${known?.retired ? 'retired ' : ''}${show(known)}`);
  }
}

main();
