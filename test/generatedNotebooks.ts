/**
 * Random notebooks as text: every kind of cell, laid out in ways that marimo reads, though it would
 * not write them. Whatever the seed, marimo's own parser says what is in them.
 */

import { randomNumbers } from './random';

/** @returns `count` texts, the same for the same `seed` */
export function generateNotebooks(count: number, seed: number): string[] {
  const writer = new Writer(randomNumbers(seed));
  return Array.from({ length: count }, () => writer.notebook());
}

class Writer {
  #names = 0;

  constructor(private readonly below: (below: number) => number) {}

  notebook(): string {
    this.#names = 0;
    const cells = Array.from({ length: 1 + this.below(8) }, () => this.#cell());
    const text = [
      this.#maybe(3, () => this.#script()),
      this.#maybe(4, () => '"""A notebook.\n\n@app.cell is not one here.\n"""\n'),
      'import marimo\n\n',
      this.#maybe(2, () => '__generated_with = "0.25.2"\n'),
      `app = marimo.App(${this.#one('', 'width="medium"', '\n    width="full",\n    css_file="a.css",\n')})\n`,
      this.#maybe(3, () => this.#setup()),
      ...cells,
      this.#maybe(1, () => '\n\nif __name__ == "__main__":\n    app.run()\n', 5),
    ].join('');
    const ends = this.#one('\n', '\n', '\n', '\r\n', '\r');
    return this.#one('', '', '', '\ufeff') + text.replaceAll('\n', ends);
  }

  #script(): string {
    return '# /// script\n# requires-python = ">=3.10"\n# dependencies = ["marimo", "größe"]\n# ///\n\n';
  }

  #setup(): string {
    const call = this.#one('', '', '(hide_code=True)');
    return `\nwith app.setup${call}:\n${this.#indent([this.#one('import numpy as np', '# Nothing yet\npass', 'größe = "变量"  # comment', 'import math\n\n# At the end')])}\n`;
  }

  #cell(): string {
    const gap = this.#one('\n\n', '\n', '\n\n# A comment between cells\n', '\n\n\n\n');
    const kind = this.below(60);
    if (kind < 2) return gap + this.#broken();
    if (kind < 7) return gap + this.#function();
    if (kind < 12) return gap + this.#class();
    if (kind < 17) return gap + this.#unparsable();
    if (kind < 20) return gap + this.#oneLine();
    return gap + this.#ordinary();
  }

  #ordinary(): string {
    const statements = Array.from({ length: this.below(5) }, () => this.#statement());
    const asynchronous = this.#maybe(6, () => 'async ');
    if (asynchronous !== '') statements.push(`${this.#name()} = await fetch()`);
    const ending = this.#one('return', 'return', `return ${this.#name()},`, `return (x, y)`, '');
    const body = [...statements, ending].filter((line) => line !== '');
    if (body.length === 0) body.push('pass');
    return `${this.#decorator('cell')}${asynchronous}def ${this.#cellName()}(${this.#arguments()})${this.#one('', '', ' -> None')}:\n${this.#indent(body)}\n`;
  }

  #oneLine(): string {
    const name = this.#name();
    return `${this.#decorator('cell')}def ${this.#cellName()}():\n    ${this.#one(`${name} = 1; return ${name},`, `return`, `${name} = 1  # last`, `${name} = "𝔸𝔹"  # 变量 is last`, `${name} = 1; ${this.#name()} = 2`)}\n`;
  }

  /** As while it is being typed. */
  #broken(): string {
    const name = this.#name();
    const typed = this.#one(
      `${name} = (1,`,
      `if ${name}`,
      `${name} = `,
      `${name}.`,
      '# Nothing',
      `for x in`,
    );
    const ending = this.#one('return', `return ${name},`);
    return `${this.#decorator('cell')}def ${this.#cellName()}(${this.#arguments()}):\n    ${typed}\n    ${ending}\n`;
  }

  #function(): string {
    const more = this.#maybe(3, () => '@functools.cache\n');
    const asynchronous = this.#maybe(5, () => 'async ');
    const comment = this.#maybe(4, () => '    # At the end\n');
    return `${this.#decorator('function')}${more}${asynchronous}def ${this.#name()}(a, b=1):\n    """${this.#word()}"""\n    ${this.#one('return a + b', 'yield a', 'pass', 'return größe_𝔸  # a comment', 'x = "变量"; return x # end')}\n${comment}`;
  }

  #class(): string {
    const more = this.#maybe(3, () => '@dataclass\n');
    const base = this.#one('', '(Base)', '(\n    Base,\n)');
    return `${this.#decorator('class_definition')}${more}class ${this.#name()}${base}:\n    ${this.#one('a: int = 1', 'pass', 'def f(self):\n        return self')}\n`;
  }

  #unparsable(): string {
    const text = this.#one(
      'x = (1,',
      'def f(:\n    pass',
      'for in range(3)',
      '  badly = indented\n x',
      `${this.#word()} ${this.#word()}`,
    );
    const named = this.#one('', `name="${this.#name()}"`, 'name="_"');
    const options = this.#one('', 'hide_code=True', 'column=1, disabled=True');
    const rest = [named, options].filter((part) => part !== '').join(', ');
    const quotes = this.#one('"""', "'''");
    return `app._unparsable_cell(\n    r${quotes}\n${this.#indent([text])}\n    ${quotes},\n    ${rest}\n)\n`;
  }

  #decorator(kind: string): string {
    const options = this.#one(
      '',
      '',
      '(hide_code=True)',
      '(column=2, disabled=False)',
      '(\n    hide_code=True,\n)',
      '()',
    );
    const above = kind === 'cell' ? this.#maybe(12, () => '@profile\n') : '';
    return `${above}@app.${kind}${options}${this.#maybe(9, () => '  # why')}\n`;
  }

  #cellName(): string {
    return this.#one('_', '_', '__', this.#name());
  }

  #arguments(): string {
    return this.#one('', 'mo', 'mo, np', '\n    mo,\n    np,\n');
  }

  #statement(): string {
    const name = this.#name();
    return this.#one(
      `${name} = ${this.below(100)}`,
      `${name}: int = 1`,
      `mo.md("""\n# ${this.#word()}\n\n    indented, @app.cell is text\n""")`,
      `mo.md(\n    r"""\n    ## ${this.#word()}\n    $\\frac{1}{2}$\n    """\n)`,
      `mo.md(f"""{${name}:>{width}} and {{braces}} {'nested "quotes"'}""")`,
      `${name} = mo.sql(\n    f"""\n    SELECT * FROM t WHERE a > {limit}\n    """,\n    engine=engine\n)`,
      `if ready:\n    ${name} = 1\nelse:\n    ${name} = 2`,
      `for ${name} in range(3):\n    print(${name})`,
      `with open("${this.#word()}") as ${name}:\n    pass`,
      `try:\n    import ${this.#word()}\nexcept ImportError as error:\n    ${name} = None`,
      `def ${name}(x):\n    return x`,
      `class ${name}:\n    y = 1`,
      `import ${this.#word()}.sub as ${name}`,
      `from ${this.#word()} import a as ${name}, b`,
      `# Only a comment about ${this.#word()}`,
      `${name} = [\n    1,\n  2,\n\n]`,
      `${name} = 1; _private = 2`,
      `${name} = \\\n    1`,
      `_${name} = "größe"`,
      `größe_${name} = {k: v for k, v in items}`,
      `(${name}, *rest), last = value`,
      `${name} = lambda _: (yield_ := 1)`,
      `"""A string\n\nalone"""`,
      `@decorated\ndef ${name}():\n    pass`,
      `match ${this.#word()}:\n    case [${name}, *_]:\n        pass`,
      `if (found := ${name}):\n\n    # deep\n    pass`,
      `del ${name}`,
      `global_${name} = '''a\n  b\n'''`,
      `${name} += 1`,
      `async def ${name}():\n    await x`,
      `${name} = mo.ui.slider(1, 10)\n${name}`,
    );
  }

  /** Indents a cell's body, by what the writer of the file likes; the lines of strings as well. */
  #indent(statements: readonly string[]): string {
    const unit = this.#one('    ', '    ', '    ', '\t', '  ');
    const between = this.#one('\n', '\n', '\n\n', '\n\n\n');
    return statements
      .join(between)
      .split('\n')
      .map((line) => (line === '' ? '' : unit + line))
      .join('\n');
  }

  #name(): string {
    return `${this.#word()}_${this.#names++}`;
  }

  #word(): string {
    return this.#one('data', 'model', 'x', 'größe', '变量', 'π', 'αβγ', 'Über');
  }

  #one(...values: readonly string[]): string {
    return values[this.below(values.length)] ?? '';
  }

  /** Once in `often` times, or `times` in that many. */
  #maybe(often: number, write: () => string, times = 1): string {
    return this.below(Math.max(often, times)) < times ? write() : '';
  }
}
