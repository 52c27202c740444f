import assert from 'node:assert/strict';
import test from 'node:test';
import type { TreeNode, TreePage } from '../../../src/protocol/pages';
import { as, pageOf } from './fixtures';

async function tree(text: string): Promise<TreePage> {
  return as('tree', await pageOf(new TextEncoder().encode(text), 'json'));
}

/** A node as one line, with its children in brackets. */
function line({ key, type, text, children }: TreeNode): string {
  const inside = children === undefined ? '' : `[${children.map(line).join(' ')}]`;
  return `${key}:${type}:${text}${inside}`;
}

void test('a tree shows what the text says, digit by digit', async () => {
  const cases: [string, string][] = [
    ['{}', ':object:0[]'],
    ['[]', ':array:0[]'],
    [' "a\\u00e9\\n" ', ':string:aé\n'],
    [
      '{"a": [1, {"b": null}], "c": true}',
      ':object:2[a:array:2[0:number:1 1:object:1[b:null:null]] c:boolean:true]',
    ],
    [
      '[12345678901234567890, 1.10, -0, 1e400]',
      ':array:4[0:number:12345678901234567890 1:number:1.10 2:number:-0 3:number:1e400]',
    ],
    ['[NaN, Infinity, -Infinity]', ':array:3[0:number:NaN 1:number:Infinity 2:number:-Infinity]'],
    ['{"a": 1, "a": 2}', ':object:2[a:number:1 a:number:2]'],
    ['"<script>"', ':string:<script>'],
    ['\ufeff[false]', ':array:1[0:boolean:false]'],
  ];
  for (const [text, wanted] of cases) {
    const page = await tree(text);
    assert.equal(page.incomplete, undefined, text);
    assert.equal(line(page.root), wanted);
  }
});

void test('of what marimo keeps of a cached function or block, the result is shown', async () => {
  const record = (defs: string, meta: string): string =>
    `{"defs": ${defs}, "hash": "a", "cache_type": "Pure", "stateful_refs": [], "hit": false, "meta": ${meta}}`;
  const cases: [string, string][] = [
    [record('{}', '{"return": {"answer": "yes"}, "version": 6}'), ':object:1[answer:string:yes]'],
    [record('{}', '{"return": null}'), ':null:null'],
    [record('{"a": 1, "b": []}', '{"version": 6}'), ':object:2[a:number:1 b:array:0[]]'],
    [record('{"a": 1}', '{"return": "shown"}'), ':object:2[a:number:1 output:string:shown]'],
  ];
  for (const [text, wanted] of cases) assert.equal(line((await tree(text)).root), wanted);
  // The user's own, and one that is cut short, are shown as they are.
  for (const text of ['{"defs": {}, "meta": {"return": 1}}', record('{}', '{"return": 1}') + 'x']) {
    assert.equal((await tree(text)).root.children?.[0]?.key, 'defs');
  }
});

void test('of where random numbers go on, it is shown which generators are set, and when', async () => {
  const state = '{"words":"AAAA","rest":[3,624,null]}';
  const generator = (name: string, before: string, after = state, seeded = ',"seeded":null') =>
    `{"generator":"${name}","before":${before},"after":${after}${seeded}}`;
  const text = [
    generator('rng', '"ab"', '"(3, (1, 2), None)"'),
    generator('random', '"cd"', state, ',"seeded":"ef"'),
    generator('numpy.random', 'null', state, ''),
  ];
  const page = async (json: string) => pageOf(new TextEncoder().encode(json), 'json');
  assert.deepEqual(as('random', await page(`[${text.join(',')}]`)).generators, [
    { name: 'rng', of: 'notebook', seeded: false },
    { name: 'random', of: 'python', seeded: false },
    { name: 'numpy.random', of: 'numpy', seeded: true },
  ]);
  // Lists of the user's that look much like it are shown as they are.
  for (const other of ['[]', `[${generator('a', '1')}]`, `[${text[0]},1]`, `[${text[0]}`]) {
    as('tree', await page(other));
  }
});

void test('a manifest of marimo is a tree too', async () => {
  const manifest =
    '{"hash":"abc","cache_type":"P","defs":{"df":{"reference":"cell_cache/abc/df.arrow"}},"meta":{"version":3}}';
  const page = as('tree', await pageOf(new TextEncoder().encode(manifest), 'manifest'));
  assert.deepEqual(
    page.root.children?.map(({ key }) => key),
    ['hash', 'cache_type', 'defs', 'meta'],
  );
});

void test('the values that stand in a manifest come first, by name', async () => {
  const manifest =
    '{"hash":"abc","defs":{"none":{},"nan":{"special_float":"nan"},"n10":{"primitive":10},"n9":{"primitive":9},' +
    '"df":{"reference":"cell_cache/abc/df.arrow"},"np":{"module":"numpy"}},' +
    '"meta":{"version":6,"return_value":RETURNED}}';
  const shown = async (returned: string) => {
    const text = manifest.replace('RETURNED', returned);
    const { root } = as('tree', await pageOf(new TextEncoder().encode(text), 'manifest'));
    return [root.children?.slice(0, -1).map(line).join(' '), root.children?.at(-1)?.key];
  };
  const values = 'n9:number:9 n10:number:10 nan:number:nan none:null:null';
  assert.deepEqual(await shown('{}'), [values, 'manifest']);
  assert.deepEqual(await shown('{"primitive":"shown"}'), [
    `${values} output:string:shown`,
    'manifest',
  ]);
});

void test('what stands before the damage is shown, with where it is', async () => {
  const cases: [string, string, RegExp][] = [
    ['', ':cut:', /ends early, in line 1/],
    [
      '{"a": 1, "b": [1, 2',
      ':object:2[a:number:1 b:array:2[0:number:1 1:number:2 :cut:…] :cut:…]',
      /ends early, in line 1/,
    ],
    ['{"a": "never', ':object:0[:cut:…]', /ends early/],
    ['[1\n2]', ':array:1[0:number:1 :cut:…]', /comma is missing, in line 2/],
    ['{a: 1}', ':object:0[:cut:…]', /key is missing/],
    ['[1,]', ':array:1[0:number:1 :cut:…]', /value is missing/],
    ['[1] [2]', ':array:1[0:number:1]', /More text follows/],
    ['nonsense', ':cut:', /value is missing/],
  ];
  for (const [text, wanted, problem] of cases) {
    const page = await tree(text);
    assert.equal(line(page.root), wanted, text);
    assert.match(page.incomplete ?? '', problem, text);
  }
});

void test('long and deep trees are cut, and say so', async () => {
  const long = await tree(JSON.stringify(Array.from({ length: 1200 }, (_, i) => i)));
  assert.equal(long.root.text, '1200');
  assert.equal(long.root.children?.length, 501);
  assert.deepEqual(long.root.children.at(-1), { key: '', type: 'cut', text: '700 more' });
  assert.equal(long.incomplete, undefined);

  const deep = await tree(`${'['.repeat(3000)}${']'.repeat(3000)}`);
  assert.equal(deep.incomplete, undefined);
  let node: TreeNode | undefined = deep.root;
  let depth = 0;
  for (; node?.children !== undefined; node = node.children[0]) depth += 1;
  assert.ok(depth > 10 && depth < 100, String(depth));
  assert.equal(node?.type, 'cut');

  const bottomless = await tree('['.repeat(1_000_000));
  assert.match(bottomless.incomplete ?? '', /nest too deeply/);

  const wide = await tree(
    JSON.stringify(Array.from({ length: 400 }, () => new Array<number>(400).fill(0))),
  );
  const count = (of: TreeNode): number =>
    (of.children ?? []).reduce((sum, child) => sum + count(child), 1);
  assert.ok(count(wide.root) < 25_000);

  const text = await tree(JSON.stringify('\\"'.repeat(2_000_000)).slice(0, 4_000_000));
  assert.match(text.incomplete ?? '', /ends early/);
  const shown = await tree(JSON.stringify('\u0001'.repeat(20_000)));
  assert.ok(shown.root.text.endsWith('…') && shown.root.text.length === 10_000);
});

void test('what a cell printed is shown by where it went', async () => {
  const printed =
    '[{"stdout": "score\\n"}, {"image/png": "data:"}, {"application/vnd.x+json": "{}"}]';
  assert.equal(
    line((await tree(printed)).root),
    ':array:3[stdout:string:score image/png:string:data: application/vnd.x+json:string:{}]',
  );
  for (const other of [
    '[{"stdout": 1}]',
    '[{"stdout": "a", "stderr": "b"}]',
    '[{"a b": "c"}, 1]',
  ]) {
    const [first] = (await tree(other)).root.children ?? [];
    assert.equal(first?.type, 'object', other);
  }
});

void test('a picture that a cell plotted is one, whole', async () => {
  const data = `data:image/png;base64,${'iVBORw0K'.repeat(5000)}AA==`;
  const bundle = JSON.stringify({ 'text/plain': 'plot', 'image/png': data, __metadata__: {} });
  const printed = async (...parts: Record<string, string>[]) =>
    (await tree(JSON.stringify(parts))).root.children;
  const picture = { key: 'image/png', type: 'picture', text: '30.0 kB', picture: data };
  const kind = 'application/vnd.marimo+mimebundle';
  assert.deepEqual(
    await printed({ stdout: 'score\n' }, { 'image/png': data }, { [kind]: bundle }),
    [{ key: 'stdout', type: 'string', text: 'score' }, picture, picture],
  );
  // What may hold a script, or is fetched from elsewhere, stays a text.
  for (const other of [
    'data:image/svg+xml;base64,PHN2Zz4=',
    'https://example.org/a.png',
    'data:image/png;base64,"onerror=',
  ]) {
    const shown = await printed({ 'image/png': other }, { [kind]: JSON.stringify({ a: other }) });
    assert.deepEqual(
      shown?.map(({ type }) => type),
      ['string', 'string'],
      other,
    );
  }
  const broken = await printed({ [kind]: '{' }, { [kind]: 'null' });
  assert.deepEqual(
    broken?.map(({ type }) => type),
    ['string', 'string'],
  );
});

void test('a long text that is cut beside a backslash is unescaped all the same', async () => {
  // Where the text is cut before it is unescaped, since six units may stand for one.
  for (let before = 59_985; before < 60_010; before += 1) {
    const page = await tree(
      JSON.stringify(`"${'x'.repeat(before)}\\Users\\ada\n${'y'.repeat(99)}`),
    );
    assert.equal(page.root.text, `"${'x'.repeat(9998)}…`, String(before));
  }
});

void test('of a text over the limit, the beginning is shown and the size told', async () => {
  const page = await tree(JSON.stringify(Array.from({ length: 900_000 }, (_, i) => i)));
  assert.equal(page.root.type, 'array');
  assert.equal(page.root.children?.[0]?.text, '0');
  assert.match(page.incomplete ?? '', /Only the first 4\.2 MB of 6\.2 MB/);
});
