import { isDeepStrictEqual } from 'node:util';
import { parseToml } from '../../store/settings/toml';

/**
 * Writes one setting into a TOML text, and takes it out again, as a change of as few lines as
 * possible. No TOML library keeps comments and layout, so the change is proposed by looking at lines
 * and believed only after parsing: what the new text says must be what the old one said, and the
 * setting. A look at lines alone would be fooled by a multi-line string.
 */

export interface Setting {
  /** The names of its table and of those around it, the outermost first. */
  readonly table: readonly string[];
  readonly key: string;
  readonly value: Value;
}

/** A table is written on one line. */
export type Value = boolean | string | { readonly [key: string]: Value };

export interface Written {
  readonly text: string;
  /** The line that holds the setting, zero-based. */
  readonly line: number;
  /** The text said so already and is unchanged. */
  readonly already: boolean;
}

/** The text cannot be changed safely. The message says why, for people. */
export class CannotSet extends Error {
  override readonly name = 'CannotSet';
  constructor(
    readonly why: 'brokenToml' | 'severalBlocks' | 'noPlace' | 'another',
    /** What the parser said, or what is set already, where there is something to say. */
    readonly detail = '',
  ) {
    super(detail === '' ? why : `${why}: ${detail}`);
  }
}

/** At line `at`, `remove` lines give way to `lines`, of which the one at `settingAt` is the setting. */
export interface Change {
  readonly kind: 'change';
  readonly at: number;
  readonly remove: number;
  readonly lines: readonly string[];
  readonly settingAt: number;
}

/** @throws CannotSet when the TOML is broken or leaves no place for the setting */
export function withSetting(text: string, setting: Setting): Written {
  const lines = text.split(/\r?\n/);
  const change = changeFor(lines, setting);
  if (change.kind === 'already') return { text, line: change.line, already: true };
  return {
    text: spliced(lines, change).join(newlineOf(text)),
    line: change.at + change.settingAt,
    already: false,
  };
}

/**
 * The text without the setting, and without a table that only held it.
 *
 * @throws CannotSet when the TOML is broken, or the setting cannot be taken out by whole lines
 */
export function withoutSetting(text: string, setting: Setting): string {
  const lines = text.split(/\r?\n/);
  const found = settingIn(text, [...setting.table, setting.key]);
  if (!isDeepStrictEqual(found, asParsed(setting.value))) return text;
  const [gone, left] = [true, false].map((pruned) => {
    const document = parsed(lines);
    unset(document, setting, pruned);
    return document;
  });
  // With its table's header and the blank line before that, with the header, or the line alone.
  for (const { document, above } of [
    { document: gone, above: 2 },
    { document: gone, above: 1 },
    { document: gone, above: 0 },
    { document: left, above: 0 },
  ]) {
    for (let at = above; at < lines.length; at++) {
      if (above === 2 && lines[at - 2]?.trim() !== '') continue;
      const rest = lines.toSpliced(at - above, above + 1);
      if (document !== undefined && says(rest, document)) return rest.join(newlineOf(text));
    }
  }
  // marimo, when it saves its settings, writes a table under headers of its own.
  const rest = withoutTables(lines, [...setting.table, setting.key].join('.'));
  if (gone !== undefined && says(rest, gone)) return rest.join(newlineOf(text));
  throw new CannotSet('noPlace');
}

/** The lines without the tables of this name and below it. */
function withoutTables(lines: readonly string[], name: string): string[] {
  let within = false;
  const rest = lines.filter((line) => {
    const header = headerOf(line);
    if (header !== undefined) within = `${header}.`.startsWith(`${name}.`);
    return !within;
  });
  while (rest.length > 1 && rest.at(-1) === '' && rest.at(-2) === '') rest.pop();
  return rest;
}

/** The change that makes TOML lines say the setting, or the line that says it already. */
export function changeFor(
  lines: readonly string[],
  setting: Setting,
): Change | { kind: 'already'; line: number } {
  const wanted = parsed(lines);
  if (!set(wanted, setting, setting.value)) throw new CannotSet('noPlace');
  if (says(lines, wanted)) {
    // Of the lines that look like the setting it is the one that could turn it off.
    const off = parsed(lines);
    set(off, setting, false);
    const line = lines.findIndex((_, at) => {
      const changed = withValue(lines, at, setting.key, 'false');
      return changed !== undefined && says(spliced(lines, changed), off);
    });
    return { kind: 'already', line: Math.max(0, line) };
  }
  const change = proposals(lines, setting).find((one) => says(spliced(lines, one), wanted));
  if (change === undefined) throw new CannotSet('noPlace');
  return change;
}

/** What the text says at a dotted name; `undefined` where it says nothing. @throws CannotSet */
export function settingIn(text: string, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (value, name) => (isTable(value) ? value[name] : undefined),
    parsed(text.split(/\r?\n/)),
  );
}

export function spliced(lines: readonly string[], change: Change): string[] {
  return lines.toSpliced(change.at, change.remove, ...change.lines);
}

export function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function says(lines: readonly string[], document: Table): boolean {
  try {
    return isDeepStrictEqual(parsed(lines), document);
  } catch (error) {
    if (error instanceof CannotSet) return false;
    throw error;
  }
}

/** The change of what looks like the setting's value in a line; `undefined` where nothing does. */
function withValue(
  lines: readonly string[],
  at: number,
  key: string,
  value: string,
): Change | undefined {
  const pattern = new RegExp(`^(.*?\\b${key}["']?\\s*=\\s*)[^\\s,}#]+(.*)$`);
  const [, before, after] = pattern.exec(lines[at] ?? '') ?? [];
  if (before === undefined) return undefined;
  return replaced(at, `${before}${value}${after ?? ''}`);
}

function replaced(at: number, line: string): Change {
  return { kind: 'change', at, remove: 1, lines: [line], settingAt: 0 };
}

/** Every change worth trying, the one that a person would make first. */
function proposals(lines: readonly string[], { table, key, value }: Setting): Change[] {
  const written = `${key} = ${inline(value)}`;
  const inserted = (at: number, added: readonly string[]): Change => ({
    kind: 'change',
    at,
    remove: 0,
    lines: added,
    settingAt: added.findIndex((line) => line.endsWith(written)),
  });
  const headers = lines.map(headerOf);
  const each = (propose: (line: string, at: number) => Change | undefined): Change[] =>
    lines.flatMap((line, at) => propose(line, at) ?? []);
  const below = (header: string, line: string): Change[] =>
    each((text, at) =>
      headers[at] === header
        ? inserted(at + 1, [`${/^\s*/.exec(text)?.[0] ?? ''}${line}`])
        : undefined,
    );
  const inner = table.at(-1) ?? '';
  const inlineTable = new RegExp(`^(\\s*["']?(?:[\\w.]+\\.)?${inner}["']?\\s*=\\s*\\{)\\s*(.*)$`);
  const dottedKey = new RegExp(`^(\\s*(?:[\\w.]+\\.)?${inner}\\.)[\\w-]+\\s*=`);
  return [
    ...each((_, at) => withValue(lines, at, key, inline(value))),
    ...below(table.join('.'), written),
    // An inline table: `runtime = { ... }`.
    ...each((line, at) => {
      const [, open, rest] = inlineTable.exec(line) ?? [];
      if (open === undefined || rest === undefined) return undefined;
      return replaced(at, `${open} ${written}${rest.startsWith('}') ? ' ' : ', '}${rest}`);
    }),
    // Dotted keys: `runtime.auto_reload = "lazy"`.
    ...each((line, at) => {
      const [, prefix] = dottedKey.exec(line) ?? [];
      return prefix === undefined ? undefined : inserted(at, [`${prefix}${written}`]);
    }),
    // A table for the setting, beside those around it.
    ((end) => {
      const lead = end === 0 || lines[end - 1] === '' ? [] : [''];
      const trail = end < lines.length && lines[end] !== '' ? [''] : [];
      return inserted(end, [...lead, `[${table.join('.')}]`, written, ...trail]);
    })(endOf(lines, headers, table.slice(0, -1).join('.'))),
    // Those around it are written in a way that no table can add to.
    ...table
      .map((_, from) => table.length - 1 - from)
      .filter((from) => from > 0)
      .flatMap((from) =>
        below(table.slice(0, from).join('.'), `${table.slice(from).join('.')}.${written}`),
      ),
  ];
}

/**
 * Where the last table of this name or below it ends, or the text, without the blank lines and
 * comments behind it.
 */
function endOf(
  lines: readonly string[],
  headers: readonly (string | undefined)[],
  name: string,
): number {
  const last = headers.findLastIndex((header) => `${header ?? ''}.`.startsWith(`${name}.`));
  const next = last < 0 ? -1 : headers.findIndex((header, at) => at > last && header !== undefined);
  let end = next < 0 ? lines.length : next;
  const gap = next < 0 ? /^\s*$/ : /^\s*(#.*)?$/;
  while (end > 0 && gap.test(lines[end - 1] ?? '')) end--;
  return end;
}

/** The dotted name in a `[table]` line, without spaces and quotes. */
function headerOf(line: string): string | undefined {
  return /^\s*\[([^[\]]+)\]\s*(#.*)?$/.exec(line)?.[1]?.replace(/[\s"']/g, '');
}

type Table = Record<string, unknown>;

function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function parsed(lines: readonly string[]): Table {
  try {
    return parseToml(lines.join('\n'));
  } catch (error) {
    throw new CannotSet('brokenToml', error instanceof Error ? error.message : String(error));
  }
}

/** A value as TOML has it on one line. */
export function inline(value: Value): string {
  // The strings of JSON are TOML's basic strings, but for a control character that JSON leaves alone.
  if (typeof value !== 'object') return JSON.stringify(value).replaceAll('\x7f', '\\u007f');
  const pairs = Object.entries(value).map(([key, inner]) => `${key} = ${inline(inner)}`);
  return `{ ${pairs.join(', ')} }`;
}

/** As the parser makes it, so that it is equal to what it reads. */
export function asParsed(value: Value): unknown {
  return parseToml(`value = ${inline(value)}`).value;
}

/** Sets it in the document itself. @returns false where something else bears a table's name */
function set(document: Table, { table, key }: Setting, value: Value): boolean {
  let inner = document;
  for (const name of table) {
    // The parser makes the new tables too, so that they are equal to those it reads.
    const next = (inner[name] ??= parseToml(''));
    if (!isTable(next)) return false;
    inner = next;
  }
  inner[key] = asParsed(value);
  return true;
}

/** Takes it out of the document itself. @param pruned with the tables that are empty then */
function unset(document: Table, { table, key }: Setting, pruned: boolean): void {
  const tables = [document];
  for (const name of table) {
    const inner = tables.at(-1)?.[name];
    if (!isTable(inner)) return;
    tables.push(inner);
  }
  [...table, key].toReversed().forEach((name, from) => {
    const inner = tables[table.length - from];
    const below = inner?.[name];
    const isEmpty = isTable(below) && Object.keys(below).length === 0;
    if (inner !== undefined && (from === 0 || (pruned && isEmpty))) {
      Reflect.deleteProperty(inner, name);
    }
  });
}
