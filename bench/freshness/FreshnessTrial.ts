import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Notebook } from '../../src/notebook/notebook';
import type { Answer, JudgedCell } from '../../src/server/Answer';
import { Databases } from '../../src/server/Databases';
import { DocumentCells } from '../../src/server/DocumentCells';
import type { LookupSummary } from '../../src/store/rows';
import { EditedPage, type PageEdit, writeNotebook } from '../../test/notebookEdits';

/** What came of predictions. */
export interface Tally {
  /** Cells that were said to be fresh and looked for, and those of them that missed. */
  fresh: number;
  falseFresh: number;
  /** Cells that were said to be changed, new or not cacheable, and hit. */
  changedHit: number;
  /** Cells that were not said to be fresh and missed, and those of them whose reason was right. */
  misses: number;
  right: number;
}

/** Edits one notebook again and again, says what the next run will meet, and lets it run. */
export class FreshnessTrial {
  /** Told in a line of each prediction that was not right. */
  onWrong: ((line: string) => void) | undefined;
  readonly #page: EditedPage;
  readonly #preamble: string;
  /** By cell of the page, what was edited since its last result was saved or served. */
  readonly #edited = new Map<number, Set<number>>();
  /** By the cache's id, the cell of the page. */
  readonly #cells = new Map<number, number>();

  constructor(
    private readonly notebook: string,
    text: string,
    private readonly runKernel: (notebook: string) => Promise<void>,
    below: (below: number) => number,
    private readonly tally: Tally,
  ) {
    const read = Notebook.parse(text);
    const [first] = read?.cells ?? [];
    if (!read || !first) throw new Error(`${notebook} holds no notebook`);
    this.#preamble = text.split('\n').slice(0, first.firstLine).join('\n');
    this.#page = new EditedPage(
      read.cells.map(({ cell: { name, code } }) => ({ name, code })),
      below,
    );
  }

  async run(edits: number): Promise<void> {
    await this.#meet(undefined);
    for (let count = 0; count < edits; count++) await this.#meet(this.#page.edit());
  }

  /** One run, after an edit or at first. */
  async #meet(edit: PageEdit | undefined): Promise<void> {
    const { cells } = this.#page;
    const text = writeNotebook(this.#preamble, cells);
    for (const { id } of cells) {
      if (!this.#edited.has(id)) this.#edited.set(id, new Set([id]));
    }
    for (const edited of this.#edited.values()) {
      for (const id of edit?.touched ?? []) edited.add(id);
    }
    const said = await this.#ask(text, (answer) => Promise.resolve(answer.cells));
    await writeFile(this.notebook, text);
    const begun = Date.now() / 1000;
    await this.runKernel(this.notebook);
    await this.#ask(text, async (answer) => {
      for (const [index, { id, name, code }] of cells.entries()) {
        const { judgement } = answer.cells[index] ?? {};
        if (judgement?.cellId === undefined) continue;
        this.#cells.set(judgement.cellId, id);
        const met = await this.#met(answer, judgement.cellId, begun);
        if (!met) continue;
        const was = said[index]?.judgement;
        const verdict = edit && was && this.#compare(id, was, met.lookup, judgement);
        if (verdict === 'wrong') {
          const upstream =
            was?.state === 'changedUpstream' ? ` by ${JSON.stringify(was.changed)}` : '';
          this.onWrong?.(
            `${edit?.what ?? ''}: ${was?.state ?? ''}${upstream}, but ${met.lookup.outcome} ` +
              `of ${name ?? '_'} ${JSON.stringify(code.slice(0, 200))}, ` +
              `edited since ${[...(this.#edited.get(id) ?? [])].join()}; ${met.lookup.why ?? ''}`,
          );
        }
        if (met.isKept) this.#edited.set(id, new Set());
      }
    });
  }

  /** Counts a prediction. */
  #compare(
    id: number,
    said: JudgedCell['judgement'],
    { outcome, at }: LookupSummary,
    now: JudgedCell['judgement'],
  ): 'right' | 'wrong' {
    const { tally } = this;
    if (said.state === 'fresh') {
      tally.fresh++;
      if (outcome === 'hit') return 'right';
      tally.falseFresh++;
      return 'wrong';
    }
    if (outcome === 'hit') {
      tally.changedHit++;
      return 'right';
    }
    tally.misses++;
    if (!this.#isReason(id, said, now, at)) return 'wrong';
    tally.right++;
    return 'right';
  }

  /** Whether what was said is why the cell missed, by what was edited and what is said of it `now`. */
  #isReason(
    id: number,
    said: JudgedCell['judgement'],
    now: JudgedCell['judgement'],
    at: number,
  ): boolean {
    const edited = this.#edited.get(id) ?? new Set();
    switch (said.state) {
      case 'changedHere':
        return edited.has(id);
      case 'changedUpstream': {
        const { cellId, index } = said.changed;
        const named =
          index === undefined ? this.#cells.get(cellId ?? -1) : this.#page.cells[index]?.id;
        return named !== undefined && edited.has(named);
      }
      case 'neverCached':
        // A cell that is new, or whose results so far were none that could be kept.
        return edited.has(id);
      case 'notCacheable':
        // The kernel could not keep it this time, either.
        return now.state === 'notCacheable' && now.refusal.at >= at;
      case 'fresh':
      case 'disabled':
      case 'obsolete':
      case 'unknown':
        return false;
    }
  }

  /** What a run met for a cell as a whole, and whether its result is in the cache behind it. */
  async #met(
    { cache }: Answer,
    cellId: number,
    since: number,
  ): Promise<{ lookup: LookupSummary; isKept: boolean } | undefined> {
    if (cache.kind !== 'open') return undefined;
    const lookups = await cache.loader.lookups(cellId, 20);
    const lookup = lookups.find(({ at, cacheName }) => at >= since && cacheName === 'cell_cache');
    if (!lookup) return undefined;
    const entries = await cache.loader.entries(cellId);
    const isKept = entries.some(
      ({ hash, cacheName }) => hash === lookup.hash && cacheName === lookup.cacheName,
    );
    return { lookup, isKept };
  }

  /** Asks what the language server would answer, of a cache as it is now. */
  async #ask<T>(text: string, use: (answer: Answer) => Promise<T>): Promise<T> {
    const failed = (error: unknown) => {
      throw error;
    };
    const databases = new Databases(failed);
    try {
      const uri = pathToFileURL(this.notebook).toString();
      databases.watch(uri, true);
      const documents = new DocumentCells(databases);
      const answer = await documents.judge({
        kind: 'text',
        uri,
        text: TextDocument.create(uri, 'python', 1, text),
      });
      if (answer?.cells.length !== this.#page.cells.length) throw new Error('cells got lost');
      const { cache } = answer;
      if (cache.kind === 'failed' && cache.error.kind !== 'missing') throw cache.error;
      return await use(answer);
    } finally {
      await databases.close();
    }
  }
}
