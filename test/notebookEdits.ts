/**
 * Random edits of a notebook between one run and the next: what people do to a page, most of which
 * has a bearing on what is cached and some of which has none.
 */

import { findDefs } from '../src/notebook/defs';
import { normalise } from '../src/notebook/normalise';
import { pick } from './random';
import { statements } from './statements';

/** A cell as written; `id` is its own for good, whatever becomes of it. */
export interface PageCell {
  readonly id: number;
  readonly name: string | undefined;
  readonly code: string;
  /** What stands in the brackets of its decorator, which has none without. */
  readonly options?: string;
  /** A function or class in the place of the cell's own, or a cell that awaits. */
  readonly form?: 'function' | 'class_definition' | 'async';
}

/** What an edit was, in words, with the cells whose code is not what it was: new and gone ones too. */
export interface PageEdit {
  readonly what: string;
  readonly touched: ReadonlySet<number>;
}

/** Builtins that the samples use, which a cell can come to define. */
const builtins = ['float', 'int', 'len', 'max', 'range', 'sum', 'type', 'zip'];

/** Decorators' arguments, none of which is part of what a cell computes. */
const options = ['hide_code=True', 'column=1', 'hide_code=True, disabled=False', 'disabled=False,'];

/** Cells of every kind of syntax, by a number of their own. */
const kinds: readonly ((number: number) => Omit<PageCell, 'id' | 'name'>)[] = [
  (n) => ({
    code: `def added_${n}(x, *, y: int = ${n}) -> int:\n    return x + y`,
    form: 'function',
  }),
  (n) => ({ code: `class Added${n}:\n    size: int = ${n}`, form: 'class_definition' }),
  (n) => ({ code: `import asyncio\nawaited_${n} = await asyncio.sleep(0, ${n})`, form: 'async' }),
  (n) => ({ code: `if (walrus_${n} := ${n}) > 1:\n    _text = f"{walrus_${n}:>{2 * 3}} {'a'}"` }),
  (n) => ({
    code: `match ${n}:\n    case [_, *rest_${n}]:\n        pass\n    case number_${n}:\n        pass`,
  }),
  (n) => ({ code: `_all = [last_${n} := _i for _i in range(${n})]; both_${n} = (1,\n  2)` }),
  (n) => ({ code: `text_${n} = '''\n  ${n}\n\ttab # none\n'''\n_raw = r"\\{}"` }),
  (n) => ({ code: `(tuple_${n}, [_a, *more_${n}]) = ${n}, (1, 2, 3)\ndel _a` }),
];

type Edit = readonly [what: string, edit: () => boolean];

/** A notebook that is edited on and on. */
export class EditedPage {
  #cells: readonly PageCell[];
  /** Earlier states, to go back to. */
  readonly #earlier: (readonly PageCell[])[] = [];
  #nextId: number;
  #count = 0;

  constructor(
    cells: readonly Omit<PageCell, 'id'>[],
    private readonly below: (below: number) => number,
  ) {
    this.#cells = cells.map((cell, index) => ({ ...cell, id: index + 1 }));
    this.#nextId = cells.length + 1;
  }

  get cells(): readonly PageCell[] {
    return this.#cells;
  }

  /** Edits once, as drawn by lot. */
  edit(): PageEdit {
    const before = this.#cells;
    for (;;) {
      const [what, edit] = pick(this.#edits, this.below);
      if (!edit()) continue;
      this.#earlier.push(before);
      return { what, touched: difference(before, this.#cells) };
    }
  }

  readonly #edits: readonly Edit[] = [
    ...repeat(4, 'change a number', () => this.#rewrite((code) => this.#changeNumber(code))),
    ...repeat(3, 'add a line', () => this.#rewrite((code) => `_note = ${this.#fresh()}\n${code}`)),
    ...repeat(2, 'comment', () => this.#rewrite((code) => `# Why, ${this.#fresh()}\n\n${code}\n`)),
    ...repeat(1, 'break', () => this.#rewrite((code) => `${code}\n_broken = (`)),
    ...repeat(1, 'fail', () => this.#rewrite((code) => `${code}\n1 / 0`)),
    ...repeat(2, 'rename', () => this.#rename()),
    ...repeat(2, 'move', () => this.#move()),
    ...repeat(2, 'insert', () => this.#insert(`extra_${this.#fresh()} = ${this.#count}`)),
    ...repeat(3, 'insert a kind', () => this.#insertKind()),
    ...repeat(2, 'options', () => this.#changeOptions()),
    ...repeat(2, 'define a builtin', () => this.#defineBuiltin()),
    ...repeat(1, 'define twice', () => this.#defineTwice()),
    ...repeat(2, 'delete', () => this.#delete()),
    ...repeat(2, 'rename a variable', () => this.#renameVariable()),
    ...repeat(2, 'split', () => this.#split()),
    ...repeat(1, 'join', () => this.#join()),
    ...repeat(1, 'copy', () => this.#copy()),
    ...repeat(8, 'go back', () => this.#goBack()),
  ];

  #rewrite(change: (code: string) => string): boolean {
    const index = this.below(this.#cells.length);
    const cell = this.#cells[index];
    if (!cell) return false;
    const code = change(cell.code);
    this.#cells = this.#cells.with(index, { ...cell, code });
    return code !== cell.code;
  }

  /** The last digit of one, so that what took a second does not come to take an hour. */
  #changeNumber(code: string): string {
    const numbers = [...code.matchAll(/(?<![\w.])\d+(?![\w.])/g)];
    if (numbers.length === 0) return code;
    const number = pick(numbers, this.below);
    const end = number.index + number[0].length;
    return `${code.slice(0, end - 1)}${1 + this.below(9)}${code.slice(end)}`;
  }

  #rename(): boolean {
    const index = this.below(this.#cells.length);
    const cell = this.#cells[index];
    if (!cell || cell.name === 'setup') return false;
    this.#cells = this.#cells.with(index, { ...cell, name: `cell_${this.#fresh()}` });
    return true;
  }

  /** The setup cell stays the first, where alone it is one. */
  #move(): boolean {
    const from = this.below(this.#cells.length);
    const cell = this.#cells[from];
    if (!cell || cell.name === 'setup') return false;
    const others = this.#cells.toSpliced(from, 1);
    this.#cells = others.toSpliced(this.#anyPlace(others), 0, cell);
    return true;
  }

  #insert(code: string): boolean {
    const cell = { id: this.#nextId++, name: undefined, code };
    this.#cells = this.#cells.toSpliced(this.#anyPlace(this.#cells), 0, cell);
    return true;
  }

  #insertKind(): boolean {
    const cell = { ...pick(kinds, this.below)(this.#fresh()), id: this.#nextId++, name: undefined };
    this.#cells = this.#cells.toSpliced(this.#anyPlace(this.#cells), 0, cell);
    return true;
  }

  #changeOptions(): boolean {
    const index = this.below(this.#cells.length);
    const cell = this.#cells[index];
    if (!cell) return false;
    this.#cells = this.#cells.with(index, { ...cell, options: pick(options, this.below) });
    return true;
  }

  #defineBuiltin(): boolean {
    const used = builtins.filter((name) => {
      const word = new RegExp(`(?<![\\w.])${name}\\(`);
      return this.#cells.some(({ code }) => word.test(code)) && !this.#defs().has(name);
    });
    return used.length > 0 && this.#insert(`from builtins import ${pick(used, this.below)}`);
  }

  /** Which marimo refuses to run. */
  #defineTwice(): boolean {
    const defs = [...this.#defs()];
    return defs.length > 0 && this.#insert(`${pick(defs, this.below)} = ${this.#fresh()}`);
  }

  #delete(): boolean {
    const index = this.below(this.#cells.length);
    if (this.#cells.length < 4 || this.#cells[index]?.name === 'setup') return false;
    this.#cells = this.#cells.toSpliced(index, 1);
    return true;
  }

  #renameVariable(): boolean {
    const defs = [...this.#defs()];
    if (defs.length === 0) return false;
    const name = pick(defs, this.below);
    const word = new RegExp(`(?<![\\w.])${name}(?!\\w)`, 'g');
    const now = `${name.replace(/_\d+$/, '')}_${this.#fresh()}`;
    // A keyword, an import and a string have the name for reasons of their own.
    if (this.#cells.some(({ code }) => new RegExp(`import.*\\b${name}\\b`).test(code)))
      return false;
    this.#cells = this.#cells.map((cell) => ({ ...cell, code: cell.code.replace(word, now) }));
    return true;
  }

  #split(): boolean {
    const index = this.below(this.#cells.length);
    const cell = this.#cells[index];
    if (!cell || cell.name === 'setup') return false;
    const starts = statements(cell.code).slice(1);
    if (starts.length === 0) return false;
    const cut = pick(starts, this.below);
    const first = { ...cell, code: cell.code.slice(0, cut).trim() };
    const second = {
      ...cell,
      id: this.#nextId++,
      name: undefined,
      code: cell.code.slice(cut).trim(),
    };
    this.#cells = this.#cells.toSpliced(index, 1, first, second);
    return true;
  }

  #join(): boolean {
    const index = this.below(this.#cells.length - 1);
    const [one, other] = this.#cells.slice(index, index + 2);
    if (!one || !other || one.name === 'setup') return false;
    this.#cells = this.#cells.toSpliced(index, 2, { ...one, code: `${one.code}\n${other.code}` });
    return true;
  }

  /** A copy of a cell that defines nothing. */
  #copy(): boolean {
    const cells = this.#cells.filter(({ code }) => findDefs(code).length === 0);
    return cells.length > 0 && this.#insert(pick(cells, this.below).code);
  }

  /** To how it was lately, or at first. */
  #goBack(): boolean {
    const steps = this.#earlier.length;
    if (steps === 0) return false;
    const state =
      this.#earlier[this.below(3) === 0 ? 0 : steps - 1 - this.below(Math.min(3, steps))];
    const differs = state !== undefined && difference(this.#cells, state).size > 0;
    if (differs) this.#cells = state;
    return differs;
  }

  #defs(): Set<string> {
    return new Set(this.#cells.flatMap(({ code }) => findDefs(code)));
  }

  #anyPlace(cells: readonly PageCell[]): number {
    const first = cells[0]?.name === 'setup' ? 1 : 0;
    return first + this.below(cells.length + 1 - first);
  }

  /** A number that was not drawn before. */
  #fresh(): number {
    return ++this.#count;
  }
}

/** @returns the text of a notebook's file. */
export function writeNotebook(preamble: string, cells: readonly PageCell[]): string {
  const parts = cells.map(({ name, code, options, form }) => {
    const call = options === undefined ? '' : `(${options})`;
    const isPlain = /^(?:def|class) /.test(code) && !/^\S/m.test(code.slice(1));
    if (isPlain && (form === 'function' || form === 'class_definition')) {
      return `@app.${form}${call}\n${code}\n`;
    }
    const body = code.replace(/^(?=.)/gm, '    ');
    if (name === 'setup') return `with app.setup${call}:\n${body}\n`;
    const define = form === 'async' ? 'async def' : 'def';
    return `@app.cell${call}\n${define} ${name ?? '_'}():\n${body}\n    return\n`;
  });
  return `${preamble.trimEnd()}\n\n\n${parts.join('\n\n')}\n\nif __name__ == "__main__":\n    app.run()\n`;
}

/** @returns cells that only one of two pages has, or that have another code in each. */
function difference(before: readonly PageCell[], after: readonly PageCell[]): Set<number> {
  const codes = (cells: readonly PageCell[]) =>
    new Map(cells.map(({ id, code }) => [id, normalise(code)]));
  const [was, is] = [codes(before), codes(after)];
  return new Set([...was.keys(), ...is.keys()].filter((id) => was.get(id) !== is.get(id)));
}

function repeat(times: number, ...edit: Edit): Edit[] {
  return Array.from({ length: times }, () => edit);
}
