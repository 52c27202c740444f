import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runSql } from '../unit/store/cacheFolder';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';

const head = `# /// script
# [tool.marimo.runtime]
# cache_cells = true
# ///
import marimo

app = marimo.App()
`;

const analysis = `${head}

@app.cell
def load_table():
    import numpy as np

    table = np.random.default_rng(1).random((2000, 400))
    return (table,)


@app.cell
def fit_model(table):
    model = table.T @ table
    return (model,)


@app.cell
def score(model):
    scores = model.max(axis=0)
    return (scores,)
`;

const answers = `${head}

@app.cell
def summary():
    summary = "Buy apples."
    return (summary,)
`;

/** A cell, the seconds that it is made to have taken, what that cost, and how often a day it was served. */
const cells = [
  ['load_table', 4.2, 0, 2],
  ['fit_model', 190, 0, 2],
  ['score', 12, 0, 1],
  ['summary', 7.9, 0.42, 1],
] as const;

/** Days ago on which people worked, and how much more than on a usual day. */
const work: readonly (readonly [ago: number, share: number])[] = [
  [0, 1.5],
  [1, 1],
  [2, 0.5],
  [3, 1],
  [6, 2],
  [7, 1.5],
  [8, 1],
  [9, 1.5],
  [10, 1],
  [13, 1],
];

/**
 * Fills a folder's cache with two notebooks that ran once, and with the two weeks in which they were
 * worked on before.
 */
export async function fillHistory(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'pyproject.toml'), '[tool.cellar]\nbudget = "16 MB"\n');
  for (const [name, code] of Object.entries({ analysis, answers })) {
    await writeFile(path.join(folder, `${name}.py`), code);
    await runNotebook(newestPython(), path.join(folder, `${name}.py`));
  }
  const served = cells.flatMap(([name, seconds, amount, hits]) =>
    work.map(([ago, share]) => {
      const times = Math.round(2 * hits * share);
      const figures = [times, times * seconds, times * amount].join(', ');
      return `INSERT INTO savings SELECT cell_id, date('now', 'localtime', '-${ago} days'), ${figures}
        FROM cells WHERE name = '${name}' ON CONFLICT DO NOTHING;`;
    }),
  );
  const took = cells.map(
    ([name, seconds]) =>
      `UPDATE entries SET runtime = ${seconds}
         WHERE cell_id = (SELECT cell_id FROM cells WHERE name = '${name}');`,
  );
  await runSql(
    path.join(folder, '__marimo__', 'cache', 'cache.db'),
    `${served.join('')} ${took.join('')}
     INSERT INTO costs SELECT entry_id, 0.42, 25.2 FROM entries JOIN cells USING (cell_id)
       WHERE name = 'summary';
     INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted) VALUES
       (unixepoch() - 90000, 'kernel', 3, 12000000, 41, 0, 0),
       (unixepoch() - 4000, 'vscode', 6, 31000000, 96, 0, 0);
     INSERT INTO regrets (at, room, seconds) VALUES (unixepoch() - 90000, 18000000, 820);`,
  );
}
