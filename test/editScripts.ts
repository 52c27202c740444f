/**
 * Random edits of notebooks whose truth is known: which cell each one was before. Several edits
 * happen between two looks, as when a notebook is edited without a kernel, or pulled by Git.
 *
 * Where the truth is a matter of taste, this is what we call true:
 * - Of a cell that was split, and of cells that were joined, the part with more words is the cell;
 *   where two parts are equal within a tenth, either is.
 * - Cells of equal code before the edits are the same to everybody. Of a cell and its exact copy
 *   either is the cell, and of a copy whose original was deleted nobody can tell.
 * - A cell that was rewritten is the same while it has its name, or defines a name that it defined.
 *   With neither, it is a new cell, even in the same place. Where edits left less than a third of a
 *   cell's words and neither name, it is the same cell or a new one, and so is an empty cell.
 * - A new cell defines no name that the notebook had before.
 */

import { findDefs } from '../src/notebook/defs';
import { normalise } from '../src/notebook/normalise';
import type { Appearance, KnownCell } from '../src/notebook/identity';
import { pick, randomNumbers } from './random';
import { statements } from './statements';

/** A cell as written; each of `truth` is a right answer, and `undefined` stands for a new cell. */
export interface WrittenCell {
  readonly name: string | undefined;
  readonly code: string;
  readonly truth: readonly (number | undefined)[];
}

/** A notebook before and after some edits. */
export interface EditScript {
  readonly edits: readonly string[];
  readonly before: readonly KnownCell[];
  readonly after: readonly (Appearance & Pick<WrittenCell, 'truth'>)[];
}

/** Scripts of one notebook follow each other this often before it is as it was at first. */
const generations = 8;
const mostEdits = 6;

type Source = Pick<WrittenCell, 'name' | 'code'>;

/**
 * @param notebooks the cells of real notebooks
 * @returns `count` scripts, the same for the same `seed`
 */
export function* editScripts(
  notebooks: readonly (readonly Source[])[],
  count: number,
  seed: number,
): Generator<EditScript> {
  const below = randomNumbers(seed);
  const pool = notebooks.flat();
  let editor: Editor | undefined;
  for (let number = 0; number < count; number++) {
    if (number % generations === 0) editor = new Editor(pick(notebooks, below), pool, below);
    if (editor) yield editor.script();
  }
}

/** Edits one notebook on and on, and remembers the cells that were in it. */
class Editor {
  #cells: WrittenCell[];
  #retired: { readonly cell: WrittenCell; readonly id: number }[] = [];
  #nextId = 1;
  /** Every name that the notebook ever had. */
  readonly #names = new Set<string>();

  constructor(
    cells: readonly Source[],
    private readonly pool: readonly Source[],
    private readonly below: (below: number) => number,
  ) {
    this.#cells = cells.map(({ name, code }) => ({ name, code, truth: [] }));
  }

  script(): EditScript {
    // What one look saw is what is stored when the next one comes.
    const ids = this.#cells.map(() => this.#nextId++);
    const known = (cell: Source, id: number, retired: boolean): KnownCell => ({
      ...appearance(cell),
      id,
      retired,
    });
    const before = [
      ...this.#cells.map((cell, index) => known(cell, ids[index] ?? 0, false)),
      ...this.#retired.map(({ cell, id }) => known(cell, id, true)),
    ];
    for (const { name, defs } of before)
      for (const one of [name ?? '', ...defs]) this.#names.add(one);
    const seen = this.#cells.map((cell, index) => ({ cell, id: ids[index] ?? 0 }));
    this.#cells = seen.map(({ cell, id }) => ({ ...cell, truth: [id] }));

    const edits: string[] = [];
    const wanted = 1 + this.below(mostEdits);
    for (let tries = 0; edits.length < wanted && tries < 50; tries++) {
      const [what, edit] = pick(this.#edits, this.below);
      if (edit()) edits.push(what);
    }
    const after = this.#cells.map((cell) => {
      const now = appearance(cell);
      const known = before.find(({ id }) => cell.truth.includes(id));
      const truth = known && isLost(known, now) ? [...cell.truth, undefined] : cell.truth;
      return { ...now, truth };
    });
    const there = new Set(after.flatMap(({ truth }) => truth));
    this.#retired = [...this.#retired, ...seen].filter(({ id }) => !there.has(id));
    return { edits, before, after };
  }

  /** Each edit says whether it could be made; those that people make often are here often. */
  readonly #edits: readonly (readonly [string, () => boolean])[] = [
    ...repeat(5, 'change a word', () => this.#rewriteAny((code) => this.#changeWord(code))),
    ...repeat(4, 'change a line', () => this.#rewriteAny((code) => this.#changeLine(code))),
    ...repeat(3, 'add a line', () => this.#rewriteAny((code) => this.#addLine(code))),
    ...repeat(2, 'take a line out', () => this.#rewriteAny((code) => this.#dropLine(code))),
    ...repeat(1, 'change a third', () => this.#rewriteAny((code) => this.#changeThird(code))),
    ...repeat(1, 'change the layout', () => this.#rewriteAny((code) => `# Edited\n\n${code}\n`)),
    ...repeat(1, 'rewrite', () => this.#rewrite()),
    ...repeat(2, 'name or rename', () => this.#rename()),
    ...repeat(2, 'rename a variable', () => this.#renameVariable()),
    ...repeat(3, 'move', () => this.#move()),
    ...repeat(2, 'delete', () => this.#delete()),
    ...repeat(3, 'insert', () => this.#insert()),
    ...repeat(1, 'insert an empty cell', () => this.#put({ name: undefined, code: '' })),
    ...repeat(1, 'split', () => this.#split()),
    ...repeat(1, 'join', () => this.#join()),
    ...repeat(1, 'copy', () => this.#copy()),
    ...repeat(1, 'bring back', () => this.#restore()),
  ];

  #rewriteAny(change: (code: string) => string): boolean {
    const index = this.#any();
    const cell = this.#cells[index];
    if (!cell || cell.code.trim() === '') return false;
    const code = change(cell.code);
    this.#replace(index, { ...cell, code });
    return code !== cell.code;
  }

  #changeWord(code: string): string {
    const words = [...code.matchAll(/[\p{L}\p{N}_]+/gu)];
    if (words.length === 0) return code;
    const word = pick(words, this.below);
    const now = /^\d/.test(word[0]) ? String(this.below(1000)) : this.#word();
    return code.slice(0, word.index) + now + code.slice(word.index + word[0].length);
  }

  #changeLine(code: string): string {
    const lines = code.split('\n');
    const index = this.below(lines.length);
    const indent = /^\s*/.exec(lines[index] ?? '')?.[0] ?? '';
    return lines.with(index, indent + this.#line()).join('\n');
  }

  #addLine(code: string): string {
    const lines = code.split('\n');
    return lines.toSpliced(this.below(lines.length + 1), 0, this.#line()).join('\n');
  }

  #dropLine(code: string): string {
    const lines = code.split('\n');
    return lines.length < 2 ? code : lines.toSpliced(this.below(lines.length), 1).join('\n');
  }

  #changeThird(code: string): string {
    let changed = code;
    for (let left = Math.ceil(code.split('\n').length / 3); left > 0; left--) {
      changed = this.#changeLine(changed);
    }
    return changed;
  }

  /** A wholly new code: it goes on defining a name, or under its name, or it is a new cell. */
  #rewrite(): boolean {
    const index = this.#any();
    const cell = this.#cells[index];
    const other = this.#foreign();
    if (!cell || !other) return false;
    const [name] = findDefs(cell.code);
    const kept = name !== undefined && this.below(2) === 0;
    const code = kept ? `${other.code}\n${name} = ${this.#word()}` : other.code;
    const same = kept || (cell.name !== undefined && cell.name !== '_');
    this.#replace(index, { ...cell, code, truth: same ? cell.truth : [undefined] });
    return true;
  }

  #rename(): boolean {
    const index = this.#any();
    const cell = this.#cells[index];
    if (!cell || cell.name === 'setup') return false;
    const name = this.below(4) === 0 ? undefined : `${this.#word()}_${this.below(100)}`;
    this.#replace(index, { ...cell, name });
    return name !== cell.name;
  }

  /** Renames what one cell defines, and all that use it. */
  #renameVariable(): boolean {
    const [name] = findDefs(this.#cells[this.#any()]?.code ?? '');
    if (name === undefined) return false;
    const now = `${name}_${this.#word()}`;
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, 'gu');
    this.#cells = this.#cells.map((cell) => ({ ...cell, code: cell.code.replace(pattern, now) }));
    return true;
  }

  #move(): boolean {
    const from = this.#any();
    const cell = this.#cells[from];
    if (!cell) return false;
    const others = this.#cells.toSpliced(from, 1);
    this.#cells = others.toSpliced(this.below(others.length + 1), 0, cell);
    return true;
  }

  #delete(): boolean {
    if (this.#cells.length < 3) return false;
    this.#cells.splice(this.#any(), 1);
    return true;
  }

  #insert(): boolean {
    const other = this.#foreign();
    return other !== undefined && this.#put(other);
  }

  #put(cell: Source, truth: WrittenCell['truth'] = [undefined]): boolean {
    this.#cells.splice(this.below(this.#cells.length + 1), 0, { ...cell, truth });
    return true;
  }

  #split(): boolean {
    const index = this.#any();
    const cell = this.#cells[index];
    const cuts = cell ? statements(cell.code).slice(1) : [];
    if (!cell || cuts.length === 0 || cell.name === 'setup') return false;
    const cut = pick(cuts, this.below);
    const parts = [cell.code.slice(0, cut).trim(), cell.code.slice(cut).trim()] as const;
    const [first, second] = shares(...parts, cell.truth, [undefined]);
    this.#cells.splice(
      index,
      1,
      { ...cell, code: parts[0], truth: first },
      { name: undefined, code: parts[1], truth: second },
    );
    return true;
  }

  #join(): boolean {
    const index = this.below(Math.max(1, this.#cells.length - 1));
    const [one, other] = this.#cells.slice(index, index + 2);
    if (!one || !other || one.name === 'setup') return false;
    const [truth] = shares(one.code, other.code, one.truth, other.truth);
    this.#cells.splice(index, 2, { ...one, code: `${one.code}\n${other.code}`, truth });
    return true;
  }

  /** The copy of a cell that defines names defines them by other names, as marimo demands. */
  #copy(): boolean {
    const index = this.#any();
    const cell = this.#cells[index];
    if (!cell || cell.code.trim() === '') return false;
    const defs = findDefs(cell.code);
    const code = defs.reduce((text, name) => text.replaceAll(name, `${name}_copy`), cell.code);
    const copy = [...cell.truth, undefined];
    const truth = defs.length === 0 ? copy : cell.truth;
    this.#cells.splice(index, 1, { ...cell, truth }, { name: undefined, code, truth: copy });
    return true;
  }

  #restore(): boolean {
    const gone = this.#retired[this.below(Math.max(1, this.#retired.length))];
    if (!gone || this.#cells.some(({ truth }) => truth.includes(gone.id))) return false;
    return this.#put(gone.cell, [gone.id]);
  }

  /** A cell of another notebook that defines nothing that this one ever defined. */
  #foreign(): Source | undefined {
    const cell = pick(this.pool, this.below);
    const known = [cell.name ?? '_', ...findDefs(cell.code)].some((name) => this.#names.has(name));
    const old = [...this.#cells, ...this.#retired.map(({ cell }) => cell)];
    const had = old.some(({ code }) => code.includes(cell.code));
    return known || had || cell.code === '' ? undefined : { name: undefined, code: cell.code };
  }

  #replace(index: number, cell: WrittenCell): void {
    this.#cells = this.#cells.with(index, cell);
  }

  #any(): number {
    return this.below(this.#cells.length);
  }

  #word(): string {
    const { code } = pick(this.pool, this.below);
    return code === '' ? 'word' : pick(words(`${code} word`), this.below).replace(/^\d/, '_');
  }

  #line(): string {
    return pick(pick(this.pool, this.below).code.split('\n'), this.below).trim();
  }
}

function appearance({ name, code }: Source): Appearance {
  return { name, code: normalise(code), defs: findDefs(code) };
}

/** Whether edits left too little of a cell to know it by. */
function isLost(known: Appearance, now: Appearance): boolean {
  const isNamed = known.name !== undefined && known.name === now.name;
  if (isNamed || known.defs.some((name) => now.defs.includes(name))) return false;
  const left = words(known.code);
  const had = left.length;
  const stays = words(now.code).filter((word) => {
    const index = left.indexOf(word);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
  return 3 * stays.length <= Math.max(had, words(now.code).length);
}

/** @returns the truths of two parts, of which the one with more words is `larger`. */
function shares(
  first: string,
  second: string,
  one: WrittenCell['truth'],
  other: WrittenCell['truth'],
): [WrittenCell['truth'], WrittenCell['truth']] {
  const [a, b] = [words(normalise(first)).length, words(normalise(second)).length];
  const either = [...one, ...other];
  if (Math.abs(a - b) * 10 <= a + b) return [either, either];
  return a > b ? [one, other] : [other, one];
}

function words(code: string): string[] {
  return code.match(/[\p{L}\p{N}_]+/gu) ?? [];
}

function repeat<Value>(times: number, what: string, value: Value): (readonly [string, Value])[] {
  return Array.from({ length: times }, () => [what, value] as const);
}
