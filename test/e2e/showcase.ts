import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { runSql } from '../unit/store/cacheFolder';
import { newestPython } from '../environment';
import { bundledPython, runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';

const run = promisify(execFile);

/**
 * The notebook in its n-th version: a value of each kind that the preview knows, a result that was paid
 * for, one that is large, and, with `more`, a cell that is to be removed.
 */
const market = (n: number, more: string) => `${cachingApp}


@app.cell
def prices():
    import time

    import numpy as np
    import pandas as pd

    time.sleep(1)
    prices = pd.DataFrame(
        {
            "day": pd.date_range("2026-01-01", periods=45),
            "kind": ["apple", "pear", None] * 15,
            "price": [0.25 * day for day in range(45)],
        }
    )
    letters = pd.DataFrame({"text": ["buy apples, sell pears " * 50] * 2000})
    grid = np.arange(240.0).reshape(6, 40)
    span = slice(3, 30, 3)
    return grid, letters, prices, span, time


@app.cell
def advice(time):
    from marimo_cellar import cost as _cost

    time.sleep(1)
    advice = "buy apples"
    _cost(0.42)
    return (advice,)


@app.cell
def trial(time):
    from marimo_cellar import cost as _cost

    time.sleep(${n} + 0.5)
    trial = bytes([${n}]) * 300_000
    _cost(0.1)
    return (trial,)
${more}`;

const draft = `

@app.cell
def draft(time):
    time.sleep(0.5)
    draft = bytes(range(250)) * 40
    return (draft,)
`;

/**
 * Fills a folder's cache, by real kernels, with all that the view, the preview, the list of what would
 * go and the overview have something to say of: time and money saved, an orphaned cell, an obsolete result
 * with wrong bytes, and a result that left and was wanted again.
 */
export async function fillShowcase(folder: string): Promise<void> {
  const python = newestPython();
  const notebook = path.join(folder, 'market.py');
  const database = path.join(folder, '__marimo__', 'cache', 'cache.db');
  const runVersion = async (n: number, more = '') => {
    await writeFile(notebook, market(n, more));
    await runNotebook(python, notebook);
  };
  const budget = (size: string) =>
    writeFile(path.join(folder, 'pyproject.toml'), `[tool.cellar]\nbudget = "${size}"\n`);
  await runVersion(1, draft);
  await runVersion(2);
  // A kernel that ended in the midst of its clean-up would be waited for.
  await runSql(database, 'UPDATE cleaners SET until = 0');
  await budget('600 kB');
  const prune = ['-m', 'marimo_cellar', 'prune', '.'];
  await run(python, prune, { cwd: folder, env: { ...process.env, PYTHONPATH: bundledPython } });
  await budget('50 MB');
  await runVersion(1);
  await runSql(
    database,
    // What is left of a marimo that wrote another format, as none that is tested does.
    `UPDATE entries SET versions = json_set(versions, '$.cache', 4, '$.marimo', '0.23.0')
       WHERE cell_id = (SELECT cell_id FROM cells WHERE name = 'draft');
     UPDATE blobs SET content = zeroblob(size)
       WHERE digest = (SELECT digest FROM items WHERE name = 'draft');`,
  );
  // An older version of the trial is over it; the rest stays, also when VS Code cleans up meanwhile.
  await budget('400 kB');
}
