import assert from 'node:assert/strict';
import test from 'node:test';
import type { TreeNode } from '../../../src/protocol/pages';
import { as, CountingSource, expected, fixture, pageOf } from './fixtures';

for (const [name, wanted] of Object.entries(expected.pickles)) {
  void test(`${name} refers to what an unpickler is asked for`, async () => {
    const bytes = fixture(name);
    const page = as('pickle', await pageOf(bytes, 'pickle'));
    assert.deepEqual(page.refersTo, wanted);
    assert.equal(page.incomplete, undefined);
    assert.equal(page.size, bytes.length);
  });
}

function textsIn(node: TreeNode | undefined): string[] {
  const texts = node?.type === 'string' ? [node.text] : [];
  return [...texts, ...(node?.children ?? []).flatMap(textsIn)];
}

void test('the protocol is told from the second on, and texts help to recognise it', async () => {
  for (const protocol of [0, 1, 2, 3, 4, 5]) {
    const page = as('pickle', await pageOf(fixture(`protocol${protocol}.pickle`), 'pickle'));
    assert.equal(page.protocol, protocol < 2 ? undefined : protocol);
    // From the second on they stand in the tree of what it holds.
    const texts = protocol < 2 ? page.strings : textsIn(page.root);
    assert.ok(texts.includes('a label worth seeing'));
    assert.ok(texts.includes('naïve'));
    assert.ok(!texts.includes('Counter'));
  }
});

void test('a byte-order mark belongs to the text that it begins', async () => {
  const bytes = Buffer.from('\x80\x04\x8c\x09\xef\xbb\xbfa text.', 'latin1');
  assert.equal(as('pickle', await pageOf(bytes, 'pickle')).root?.text, '\ufeffa text');
});

void test('what stands in the way of the walk is told', async () => {
  const cases: [string, string, RegExp][] = [
    ['empty', '', /^At byte 0: The value is cut short/],
    ['no opcode', '\x80\x04\xff.', /^At byte 2: there is no opcode 0xff/],
    ['no stack', '\x80\x04\x93.', /takes a value from its stack/],
    ['only a mark', '(R.', /takes a value from its stack/],
    ['no memo', 'h\x05.', /takes a value from its memo/],
    ['long text', 'X\xff\xff\xff\xffabc', /4294967295 bytes are claimed/],
    ['longer text', '\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc', /bytes are claimed/],
    ['endless line', `c${'a'.repeat(100_000)}`, /a line does not end/],
    ['deep stack', '('.repeat(1_000_001), /stack is too deep/],
    ['more behind', 'N.N.', /^2 bytes follow/],
    ['no end', 'N', /^At byte 1/],
  ];
  for (const [name, text, message] of cases) {
    const page = as('pickle', await pageOf(Buffer.from(text, 'latin1'), 'pickle'));
    assert.match(page.incomplete ?? '', message, name);
  }
});

void test('names are found behind the memo, in strings of any protocol, and when computed', async () => {
  const cases: [string, string[]][] = [
    // The module comes from the memo, after another value has taken the top of the stack.
    ['\x8c\x02os\x940h\x00\x8c\x06system\x93.', ['os.system']],
    ["S'os'\nS'system'\n\x93.", ['os.system']],
    ['Vos\nVsyst\\u0065m\n\x93.', ['os.system']],
    ['cos\nsystem\n(tR\x8c\x01x\x93.', ['os.system', '(computed).x']],
    ['(ios\nsystem\n.', ['os.system']],
    // A name that is longer than any that people give, once from the memo.
    [
      `\x8c\x02os\x94X\xc8\x00\x00\x00${'a'.repeat(200)}\x940h\x00h\x01\x93.`,
      [`os.${'a'.repeat(200)}`],
    ],
    ['\x82\x07.', ['copyreg extension 7']],
  ];
  for (const [text, names] of cases) {
    const page = as('pickle', await pageOf(Buffer.from(text, 'latin1'), 'pickle'));
    assert.equal(page.incomplete, undefined, text);
    assert.deepEqual(page.refersTo, names, text);
  }
});

void test('large contents are stepped over unread', async () => {
  const bytes = Buffer.concat([
    Buffer.from('\x80\x05\x96', 'latin1'),
    Buffer.from(BigUint64Array.of(10_000_000n).buffer),
    Buffer.alloc(10_000_000),
    Buffer.from('.'),
  ]);
  const source = new CountingSource(bytes);
  const page = as('pickle', await pageOf(source, 'pickle'));
  assert.equal(page.incomplete, undefined);
  assert.ok(source.count < 200_000, `${source.count} bytes were read`);
});
