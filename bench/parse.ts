import { Notebook } from '../src/notebook/notebook';
import { median, milliseconds, quantile, type Figure } from './figures';

const LINES = 5000;
const EDITS = 500;

/** What the server's parser takes to follow an edit: one character typed anywhere in a long notebook. */
export function measure(): Promise<Figure[]> {
  let text = notebookOfLines();
  let notebook = Notebook.parse(text);
  const times: number[] = [];
  for (let edit = 0; edit < EDITS; edit++) {
    const cell = notebook?.cells[(edit * 37) % notebook.cells.length];
    const line = (cell?.headerEnd ?? 0) + 1;
    const lines = text.split('\n');
    lines[line] = `${lines[line] ?? ''}${'()[] x'[edit % 6] ?? ''}`;
    text = lines.join('\n');
    const begun = performance.now();
    const next = Notebook.parse(text, notebook);
    times.push(performance.now() - begun);
    if (next?.cells.length !== notebook?.cells.length) throw new Error(`edit ${edit} lost a cell`);
    notebook = next;
  }
  return Promise.resolve([
    {
      what: `An edit in a notebook of ${LINES} lines, parsed`,
      value: `${milliseconds(median(times))} (95th percentile ${milliseconds(quantile(times, 0.95))})`,
      how: `one character typed in a cell, ${EDITS} edits`,
    },
  ]);
}

/** Cells of 25 lines: code, a table in a string, and a plot. */
function notebookOfLines(): string {
  const cells: string[] = [];
  for (let lines = 8; lines < LINES; lines += 25) {
    const index = cells.length;
    cells.push(
      [
        '@app.cell(hide_code=True)',
        `def step_${index}(mo, np, value_${index - 1}):`,
        `    value_${index} = value_${index - 1} + 1`,
        ...Array.from(
          { length: 8 },
          (_, row) =>
            `    row_${index}_${row} = np.dot(value_${index}, [${row}, 1, 2, {"a": "b"}])`,
        ),
        `    mo.md(f"""`,
        ...Array.from({ length: 8 }, (_, row) => `    | {value_${index}} | row ${row} |`),
        `    """)`,
        `    return (value_${index},)`,
        '',
        '',
        '',
      ].join('\n'),
    );
  }
  return `import marimo\n\napp = marimo.App()\n\n\n${cells.join('\n')}\nif __name__ == "__main__":\n    app.run()\n`;
}
