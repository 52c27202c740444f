import assert from 'node:assert/strict';
import test from 'node:test';
import { type Called, callLabels, callLines, readable } from '../../../src/protocol/calls';

type Arguments = Readonly<Record<string, string>>;

/** A result of `ask`, called with these values as Python writes them. */
const result = (given: Arguments | undefined, different: Partial<Called> = {}): Called => ({
  cellId: 1,
  cacheName: 'ask',
  ...(given === undefined
    ? {}
    : { call: Object.entries(given).map(([name, value]) => ({ name, value })) }),
  ...different,
});

/** What the results of `ask` are called that were made by these calls. */
function labels(...calls: Arguments[]): string[] {
  const results = calls.map((call) => result(call));
  const found = callLabels(results);
  return results.map((each) => found.get(each) ?? '');
}

const cases: { name: string; calls: Arguments[]; expected: string[] }[] = [
  {
    name: 'the first argument needs no name',
    calls: [{ prompt: "'Why?'" }, { prompt: "'Who?'" }],
    expected: ["ask('Why?')", "ask('Who?')"],
  },
  {
    name: 'what is the same in all of them is left out',
    calls: [
      { prompt: "'Why?'", model: "'small'", seed: '1' },
      { prompt: "'Who?'", model: "'small'", seed: '1' },
    ],
    expected: ["ask('Why?')", "ask('Who?')"],
  },
  {
    name: 'others are told with their names',
    calls: [
      { prompt: "'Why?'", model: "'small'" },
      { prompt: "'Why?'", model: "'large'" },
    ],
    expected: ["ask(model='small')", "ask(model='large')"],
  },
  {
    name: 'where all are the same, the first one stays',
    calls: [
      { prompt: "'Why?'", model: "'small'" },
      { prompt: "'Why?'", model: "'small'" },
    ],
    expected: ["ask('Why?')", "ask('Why?')"],
  },
  {
    name: 'one that stands alone is called by its first argument',
    calls: [{ prompt: "'Why is the sky blue?'", model: "'small'" }],
    expected: ["ask('Why is the sky bl…')"],
  },
  {
    name: 'an argument that some lack tells them apart',
    calls: [{ prompt: "'Why?'" }, { prompt: "'Why?'", seed: '3' }],
    expected: ["ask('Why?')", 'ask(seed=3)'],
  },
  {
    name: 'no further argument is told than it takes to tell a call from the others',
    calls: [
      { prompt: "'Why is the sky blue?'", model: "'small'", seed: '1' },
      { prompt: "'Why is the sky blue?'", model: "'large'", seed: '2' },
      { prompt: "'Who?'", model: "'small'", seed: '1' },
      // Of the same call before an edit.
      { prompt: "'Who?'", model: "'small'", seed: '1' },
    ],
    expected: [
      "ask('Why is the …', model='small')",
      "ask('Why is the …', model='large')",
      "ask('Who?')",
      "ask('Who?')",
    ],
  },
  {
    name: 'no more than three arguments are told, the last of those that it takes among them',
    calls: [
      { a: '1', b: '1', c: '1', d: '1' },
      { a: '1', b: '1', c: '1', d: '2' },
      { a: '1', b: '1', c: '2', d: '1' },
      { a: '1', b: '2', c: '1', d: '1' },
      { a: '2', b: '2', c: '2', d: '2' },
    ],
    expected: [
      'ask(1, …, c=1, d=1)',
      'ask(1, …, c=1, d=2)',
      'ask(1, b=1, c=2)',
      'ask(1, b=2)',
      'ask(2)',
    ],
  },
  {
    name: 'a long text is cut, and keeps its quotes',
    calls: [
      { prompt: "'Why is the sky blue in the morning?'" },
      { prompt: '"Who\'s there, at the door?"' },
    ],
    expected: ["ask('Why is the sky bl…')", 'ask("Who\'s there, at t…")'],
  },
  {
    name: 'what long texts begin with is left out where it is the same',
    calls: [
      { prompt: "'Summarise the report of January'" },
      { prompt: "'Summarise the report of March'" },
    ],
    expected: ["ask('…January')", "ask('…March')"],
  },
  {
    name: 'texts that are alike for long are told by both ends',
    calls: [
      { prompt: "'What does the report of January say of costs?'" },
      { prompt: "'What does the report of January say of gains?'" },
      { prompt: "'How is the weather?'" },
    ],
    expected: ["ask('What doe…costs?')", "ask('What doe…gains?')", "ask('How is the weathe…')"],
  },
  {
    name: 'what every message of a chat begins with is left out',
    calls: [
      { messages: "[{'role': 'user', 'content': 'Why?'}]" },
      { messages: "[{'role': 'user', 'content': 'Who?'}]" },
    ],
    expected: ["ask(…'Why?'}])", "ask(…'Who?'}])"],
  },
  {
    name: 'no character is cut in two',
    calls: [{ prompt: `'${'🙂'.repeat(30)}🙃'` }, { prompt: `'${'🙂'.repeat(30)}🙂'` }],
    expected: ["ask('…🙃')", "ask('…🙂')"],
  },
  {
    name: 'nothing that breaks the row or turns its direction',
    calls: [{ prompt: "'a\n\u202eb\u200b'" }],
    expected: ["ask('a b')"],
  },
];

for (const { name, calls, expected } of cases) {
  test(name, () => {
    assert.deepEqual(labels(...calls), expected);
  });
}

test('only results of the same function of the same cell are compared', () => {
  const one = result({ prompt: "'Why?'", model: "'small'" });
  const other = result({ prompt: "'Why?'", model: "'large'" }, { cellId: 2 });
  const third = result({ prompt: "'Who?'", model: "'large'" }, { cacheName: 'reason' });
  const found = callLabels([one, other, third]);
  assert.deepEqual([...found.values()], ["ask('Why?')", "ask('Why?')", "reason('Who?')"]);
});

test('what no call is known of has no such label, and tells nothing of the others', () => {
  const old = result(undefined);
  const cell = result(undefined, { cacheName: 'cell_cache' });
  const empty = result({});
  const known = result({ prompt: "'Why?'", model: "'small'" });
  const found = callLabels([old, cell, empty, known]);
  assert.deepEqual([...found], [[known, "ask('Why?')"]]);
});

test('a thousand labels of long values stay short and differ', () => {
  const prompts = Array.from(
    { length: 1000 },
    (_, at) => `'${'Translate the following sentence. '.repeat(8)}It is number ${at} of them.'`,
  );
  const found = labels(...prompts.map((prompt) => ({ prompt })));
  assert.equal(new Set(found).size, 1000);
  assert.ok(found.every((label) => label.length <= 25));
});

test('all arguments are told, each on one line', () => {
  const { call = [] } = result({ prompt: `'a\nb'`, long: 'x'.repeat(500) });
  const [prompt, long] = callLines(call);
  assert.equal(prompt, "prompt='a b'");
  assert.equal(long, `long=${'x'.repeat(194)}…`);
});

test('a text is read with its lines apart', () => {
  assert.equal(
    readable(String.raw`'one\ntwo\tand \'three\' C:\\new'`),
    "'one\ntwo\tand 'three' C:\\new'",
  );
  assert.equal(readable(String.raw`'\x1b and \u202e stay'`), String.raw`'\x1b and \u202e stay'`);
  assert.equal(readable(String.raw`['a\nb']`), String.raw`['a\nb']`);
  assert.equal(readable('DataFrame(3 × 4)'), 'DataFrame(3 × 4)');
  assert.equal(readable("'a\u202eb\u001b'"), "'ab'");
});
