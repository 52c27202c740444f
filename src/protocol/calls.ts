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

/** Characters of an argument in a label, alone or beside others: a row has some 40 at the side bar's usual width. */
const ofOnly = 20;
const ofSeveral = 14;
/** Arguments in a label; the tooltip has all. */
const mostNamed = 3;
/** Characters of an argument where all are told. */
const ofLine = 200;
/** Characters that all values begin with, from which on these are left out where there is no room for them. */
const leastShared = 6;

/**
 * What tells results that are listed together apart: `ask('Why is the sky…')` for those of calls that are
 * known. Of the arguments in which calls of a function differ, the first is told, and of each call no
 * further ones than it takes to tell it from the others: a row has no room for more. Where all are the
 * same, the first one stays.
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
    const told = toldApart(
      calls.map(({ call }) => call),
      [...telling.keys()],
    );
    for (const { result, call } of calls) {
      labels.set(result, labelOf(result.cacheName, call, told.get(call) ?? [], telling));
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

/**
 * The names of the arguments that tell each call from the others: each from those that are alike in all
 * that is told before it.
 * @param names of the arguments in which calls differ, in the function's order
 */
function toldApart(calls: readonly Call[], names: readonly string[]): Map<Call, string[]> {
  const told = new Map<Call, string[]>(calls.map((call) => [call, []]));
  const part = (alike: readonly Call[], [name, ...others]: readonly string[]): void => {
    if (name === undefined || alike.length < 2) return;
    const byValue = new Map<string | undefined, Call[]>();
    for (const call of alike) {
      const value = call.find((argument) => argument.name === name)?.value;
      const same = byValue.get(value) ?? [];
      same.push(call);
      byValue.set(value, same);
    }
    for (const [value, same] of byValue) {
      // One that all of them share tells none of them; one that is not there cannot be told.
      const tells = byValue.size > 1 && value !== undefined;
      if (tells) for (const call of same) told.get(call)?.push(name);
      part(same, others);
    }
  };
  part(calls, names);
  return told;
}

function labelOf(
  name: string,
  call: Call,
  told: readonly string[],
  telling: ReadonlyMap<string, Differences>,
): string {
  const said = call.filter((argument) => told.includes(argument.name));
  const [first] = call;
  if (said.length === 0 && first !== undefined) said.push(first);
  // The last ones tell it from the calls that are the most like it.
  const shown = said.length > mostNamed ? [said[0], ...said.slice(1 - mostNamed)] : said;
  const parts = shown.flatMap((argument, at) => {
    if (argument === undefined) return [];
    const most = shown.length === 1 ? ofOnly : ofSeveral;
    const value = excerpt(lineOf(argument.value), most, telling.get(argument.name));
    const part = argument === first ? value : `${plainText(argument.name)}=${value}`;
    return at === 0 && said.length > mostNamed ? [part, '…'] : [part];
  });
  return `${plainText(name)}(${parts.join(', ')})`;
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
