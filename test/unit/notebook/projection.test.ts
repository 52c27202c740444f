import assert from 'node:assert/strict';
import test from 'node:test';
import { codesOf } from '../../../src/notebook/projection';

const page = 'mo.md(\n    r"""\n    # Ranks\n\n      - first\n    - second\n    """\n)';
const query =
  'found = mo.sql(\n    f"""\n    SELECT *\n    FROM t\n    """,\n    output=False,\n    engine=db\n)';

test('a text that the editor shows stands for the code in the file', () => {
  const codes = ['x = 1', page, 'mo.md("Who is *first*?")', query];
  assert.deepEqual(
    codesOf(
      [
        { language: 'sql', text: 'SELECT *\nFROM t' },
        { language: 'markdown', text: 'Who is *first*?' },
        { language: 'markdown', text: '# Ranks\n\n  - first\n- second' },
      ],
      codes,
    ),
    [query, codes[2], page],
  );
});

test('quotes that the file escapes, other line ends and spaces around it make no difference', () => {
  const code = 'mo.md(\n    r"""\n    a \\"""b\\"""  \n    c\n    """\n)';
  const text = '\n a """b"""\r\n c\n';
  assert.deepEqual(codesOf([{ language: 'markdown', text }], [code]), [code]);
});

test('of equal texts each has a code of its own', () => {
  const codes = ['mo.md("a")', "mo.md('a')"];
  const text = { language: 'markdown', text: 'a' } as const;
  assert.deepEqual(codesOf([text, text], codes), codes);
  assert.deepEqual(codesOf([text, text, text], codes)[2], 'mo.md(r"""\na\n""")');
});

test('a text that was edited, if only by a part of it that was taken away, is another', () => {
  const text = '# Ranks\n\n  - first';
  assert.deepEqual(codesOf([{ language: 'markdown', text }], [page]), [
    'mo.md(r"""\n# Ranks\n\n  - first\n""")',
  ]);
  assert.deepEqual(
    codesOf([{ language: 'markdown', text: '# Ranks\n\n- first\n- second' }], [page]),
    ['mo.md(r"""\n# Ranks\n\n- first\n- second\n""")'],
  );
  const edited = codesOf([{ language: 'sql', text: 'SELECT 1', result: 'found' }], [query]);
  assert.deepEqual(edited, ['found = mo.sql(f"""\nSELECT 1\n""")']);
});

test('code that calls neither, or whose text never ends, is shown as nothing else', () => {
  const codes = ['mo.md(text)', 'mo.md("""a', 'print("a")', 'memo.md("a")'];
  assert.deepEqual(codesOf([{ language: 'markdown', text: 'a' }], codes), ['mo.md(r"""\na\n""")']);
});
