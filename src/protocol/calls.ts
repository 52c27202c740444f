/** What the results of a cached function are called before people: by the call that each is of. */

import { cut, plainText } from './markdown';

/** One argument of a call, its value as Python writes it and shortened: `'Why is the sky…'`. */
export interface Argument {
  readonly name: string;
  readonly value: string;
}

/** In the function's own order, defaults included. */
export type Call = readonly Argument[];

/** A result, of a function or of something else. */
export interface Called {
  readonly cellId: number;
  readonly cacheName: string;
  /** Where that is known. */
  readonly call?: Call;
}

/** Characters of the first argument in a label, and of each other one: a row has some 40 at the side bar's usual width. */
const ofFirst = 20;
const ofOther = 14;
/** Arguments in a label; the tooltip has all. */
const mostNamed = 3;
/** Characters of an argument where all are told. */
const ofLine = 200;
/** Characters that all values begin with, from which on these are left out where there is no room for them. */
const leastShared = 6;

/**
 * What tells results that are listed together apart: `ask('Why is the sky…')` for those of calls that are
 * known. Arguments that are the same in all of a function say nothing, and are left out; where all are,
 * the first one stays.
 * @returns nothing for results that are known by the name of their cache alone
 */
export function callLabels<T extends Called>(results: readonly T[]): Map<T, string> {
  const labels = new Map<T, string>();
  const functions = new Map<string, { readonly result: T; readonly call: Call }[]>();
  for (const result of results) {
    const { cellId, cacheName, call } = result;
    if (call === undefined || call.length === 0) continue;
    const key = `${cellId} ${cacheName}`;
    const calls = functions.get(key) ?? [];
    calls.push({ result, call });
    functions.set(key, calls);
  }
  for (const calls of functions.values()) {
    const telling = tellingOf(calls.map(({ call }) => call));
    for (const { result, call } of calls) {
      labels.set(result, labelOf(result.cacheName, call, telling));
    }
  }
  return labels;
}

/** All arguments of a call, each on a line of its own for a tooltip: `prompt='Why is the sky blue?'`. */
export function callLines(call: Call): string[] {
  return call.map(({ name, value }) => plainText(`${name}=${value}`, ofLine));
}

/** A value for whoever reads all of it: of a text each line on its own, and not `\n` in the midst of it. */
export function readable(value: string): string {
  const isText = /^(['"]).*\1$/s.test(value);
  const text = isText
    ? value.replace(/\\(.)/g, (escape, of: string) => escapes[of] ?? escape)
    : value;
  // Nothing that cannot be seen, or turns the direction of writing.
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, '');
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** How the values of one argument differ. */
interface Differences {
  /** Characters that all of them begin with. */
  readonly shared: number;
  /** Characters that a value has in common with the one that is the most like it. */
  readonly own: ReadonlyMap<string, number>;
}

/** Of arguments whose values differ, by name: how they do. */
function tellingOf(calls: readonly Call[]): Map<string, Differences> {
  const telling = new Map<string, Differences>();
  const values = new Map<string, string[]>();
  for (const call of calls) {
    for (const { name, value } of call) {
      const all = values.get(name) ?? [];
      all.push(lineOf(value));
      values.set(name, all);
    }
  }
  for (const [name, all] of values) {
    const differing = [...new Set(all)].sort();
    // One that some calls lack differs, too.
    if (differing.length > 1 || all.length < calls.length)
      telling.set(name, differences(differing));
  }
  return telling;
}

/** @param sorted so that the value that is the most like another stands beside it */
function differences(sorted: readonly string[]): Differences {
  const own = new Map<string, number>();
  const [first, last] = [sorted.at(0) ?? '', sorted.at(-1) ?? ''];
  let before = 0;
  sorted.forEach((value, at) => {
    const next = sorted[at + 1];
    const after = next === undefined ? 0 : inCommon(value, next);
    own.set(value, Math.max(before, after));
    before = after;
  });
  return { shared: sorted.length > 1 ? inCommon(first, last) : 0, own };
}

/** Code units, no half of a character among them. */
function inCommon(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length > 0 && /[\ud800-\udbff]/.test(a.charAt(length - 1)) ? length - 1 : length;
}

function labelOf(name: string, call: Call, telling: ReadonlyMap<string, Differences>): string {
  const said = call.filter((argument) => telling.has(argument.name));
  const [first] = call;
  if (said.length === 0 && first !== undefined) said.push(first);
  const parts = said.slice(0, mostNamed).map((argument, at) => {
    const value = excerpt(
      lineOf(argument.value),
      at === 0 ? ofFirst : ofOther,
      telling.get(argument.name),
    );
    return argument === first ? value : `${plainText(argument.name)}=${value}`;
  });
  const more = said.length > mostNamed ? ['…'] : [];
  return `${plainText(name)}(${[...parts, ...more].join(', ')})`;
}

/**
 * So much of a value that it is told from the others: the beginning, less what all begin with; and where
 * that is another's as well, what it differs in, too.
 */
function excerpt(value: string, most: number, differ: Differences | undefined): string {
  if (Array.from(value).length <= most) return value;
  const [, quote = '', text = ''] = /^(['"]?)(.*?)\1$/s.exec(value) ?? [];
  const { shared = 0 } = differ ?? {};
  const from = shared >= leastShared ? beginning(text, shared - quote.length) : 0;
  const own = (differ?.own.get(value) ?? 0) - quote.length;
  const before = from > 0 ? '…' : '';
  const room = most - 2 * quote.length - before.length;
  const isAlike = own - from >= room - 1 && own < text.length;
  const half = Math.floor(room / 2);
  const shown = isAlike
    ? cut(text.slice(from, own), half) + cut(text.slice(own), room - half)
    : cut(text.slice(from), room);
  return `${quote}${before}${shown}${quote}`;
}

/** Where the word begins that is the first in which texts differ, if it is no long one. */
function beginning(text: string, at: number): number {
  const word = text.lastIndexOf(' ', at - 1) + 1;
  return at - word > leastShared ? at : word;
}

/** No line breaks, nothing that turns the direction of writing: the database may be a stranger's. */
function lineOf(value: string): string {
  return plainText(value, 1000);
}
