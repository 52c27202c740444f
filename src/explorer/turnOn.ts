import { isDeepStrictEqual } from 'node:util';
import { parse } from 'smol-toml';

/**
 * Writes marimo's own setting for cell caching,
 *
 *     [tool.marimo.runtime]
 *     cache_cells = true
 *
 * into a notebook's script metadata (PEP 723) or a `pyproject.toml`, as a change of as few lines as
 * possible. No TOML library keeps comments and layout, so the change is proposed by looking at lines
 * and believed only after parsing: what the new text says must be what the old one said, and the
 * setting. A look at lines alone would be fooled by a multi-line string.
 */

export interface TurnedOn {
  readonly text: string;
  /** The line that holds the setting, zero-based. */
  readonly line: number;
  /** The text said so already and is unchanged. */
  readonly already: boolean;
}

/** The text cannot be changed safely. The message says why, for people. */
export class CannotTurnOn extends Error {
  override readonly name = 'CannotTurnOn';
  constructor(
    readonly why: 'brokenToml' | 'severalBlocks' | 'noPlace',
    /** What the parser said, where it said something. */
    readonly detail = '',
  ) {
    super(detail === '' ? why : `${why}: ${detail}`);
  }
}

/** @throws CannotTurnOn when the TOML is broken or leaves no place for the setting */
export function turnOnInProject(text: string): TurnedOn {
  const newline = newlineOf(text);
  const lines = text.split(/\r?\n/);
  const change = changeFor(lines);
  if (change.kind === 'already') return { text, line: change.line, already: true };
  return {
    text: spliced(lines, change).join(newline),
    line: change.at + change.settingAt,
    already: false,
  };
}

/**
 * A notebook without a metadata block gets one, before everything but a `#!` line, as marimo places
 * it. It has no `dependencies`: marimo offers a sandbox only where some are listed.
 *
 * @throws CannotTurnOn when the block's TOML is broken, or there are several blocks
 */
export function turnOnInNotebook(text: string): TurnedOn {
  const newline = newlineOf(text);
  const lines = text.split(/\r?\n/);
  const blocks = metadataBlocks(lines);
  const [block] = blocks;
  if (blocks.length > 1) throw new CannotTurnOn('severalBlocks');
  if (block === undefined) {
    const at = lines[0]?.startsWith('#!') === true ? 1 : 0;
    const before = [
      '# /// script',
      '# [tool.marimo.runtime]',
      '# cache_cells = true',
      '# ///',
      // As marimo writes notebooks: one blank line between the block and what follows.
      ...(lines[at] === '' ? [] : ['']),
    ];
    return {
      text: lines.toSpliced(at, 0, ...before).join(newline),
      line: at + 2,
      already: false,
    };
  }
  const change = changeFor(lines.slice(block.from, block.to).map(uncommented));
  if (change.kind === 'already') return { text, line: block.from + change.line, already: true };
  const commented = {
    ...change,
    at: block.from + change.at,
    lines: change.lines.map((line) => (line === '' ? '#' : `# ${line}`)),
  };
  return {
    text: spliced(lines, commented).join(newline),
    line: commented.at + commented.settingAt,
    already: false,
  };
}

/** Whether the notebook has a script metadata block: `uv run` then gives it an environment of its own. */
export function hasMetadataBlock(text: string): boolean {
  return metadataBlocks(text.split(/\r?\n/)).length > 0;
}

/** At line `at`, `remove` lines give way to `lines`, of which the one at `settingAt` is the setting. */
interface Change {
  readonly kind: 'change';
  readonly at: number;
  readonly remove: 0 | 1;
  readonly lines: readonly string[];
  readonly settingAt: number;
}

function changeFor(lines: readonly string[]): Change | { kind: 'already'; line: number } {
  const wanted = parsed(lines);
  if (!set(wanted, true)) throw new CannotTurnOn('noPlace');
  if (says(lines, wanted)) {
    // Of the lines that look like the setting it is the one that could turn it off.
    const off = parsed(lines);
    set(off, false);
    const line = lines.findIndex((_, at) => {
      const changed = withValue(lines, at, 'false');
      return changed !== undefined && says(spliced(lines, changed), off);
    });
    return { kind: 'already', line: Math.max(0, line) };
  }
  const change = proposals(lines).find((proposal) => says(spliced(lines, proposal), wanted));
  if (change === undefined) throw new CannotTurnOn('noPlace');
  return change;
}

function says(lines: readonly string[], document: Table): boolean {
  try {
    return isDeepStrictEqual(parsed(lines), document);
  } catch (error) {
    if (error instanceof CannotTurnOn) return false;
    throw error;
  }
}

/** The change of what looks like the setting's value in a line; `undefined` where nothing does. */
function withValue(lines: readonly string[], at: number, value: string): Change | undefined {
  const pattern = /^(.*?\bcache_cells["']?\s*=\s*)[^\s,}#]+(.*)$/;
  const [, before, after] = pattern.exec(lines[at] ?? '') ?? [];
  if (before === undefined) return undefined;
  return replaced(at, `${before}${value}${after ?? ''}`);
}

function replaced(at: number, line: string): Change {
  return { kind: 'change', at, remove: 1, lines: [line], settingAt: 0 };
}

function inserted(at: number, lines: readonly string[]): Change {
  return { kind: 'change', at, remove: 0, lines, settingAt: lines.findIndex(isSetting) };
}

function isSetting(line: string): boolean {
  return line.endsWith(setting);
}

const setting = 'cache_cells = true';

/** Every change worth trying, the one that a person would make first. */
function proposals(lines: readonly string[]): Change[] {
  const headers = lines.map(headerOf);
  const each = (propose: (line: string, at: number) => Change | undefined): Change[] =>
    lines.flatMap((line, at) => propose(line, at) ?? []);
  const below = (header: string, line: string): Change[] =>
    each((text, at) =>
      headers[at] === header
        ? inserted(at + 1, [`${/^\s*/.exec(text)?.[0] ?? ''}${line}`])
        : undefined,
    );
  return [
    ...each((_, at) => withValue(lines, at, 'true')),
    ...below('tool.marimo.runtime', setting),
    // An inline table: `runtime = { ... }`.
    ...each((line, at) => {
      const [, open, rest] =
        /^(\s*["']?(?:[\w.]+\.)?runtime["']?\s*=\s*\{)\s*(.*)$/.exec(line) ?? [];
      if (open === undefined || rest === undefined) return undefined;
      return replaced(at, `${open} ${setting}${rest.startsWith('}') ? ' ' : ', '}${rest}`);
    }),
    // Dotted keys: `runtime.auto_reload = "lazy"`.
    ...each((line, at) => {
      const [, prefix] = /^(\s*(?:[\w.]+\.)?runtime\.)[\w-]+\s*=/.exec(line) ?? [];
      return prefix === undefined ? undefined : inserted(at, [`${prefix}${setting}`]);
    }),
    ownTable(lines, headers),
    // `tool` or `tool.marimo` is written in a way that no table can add to.
    ...below('tool.marimo', `runtime.${setting}`),
    ...below('tool', `marimo.runtime.${setting}`),
  ];
}

/** A table for the setting, after marimo's others or else at the end. */
function ownTable(lines: readonly string[], headers: readonly (string | undefined)[]): Change {
  const end = endOf(lines, headers);
  const lead = end === 0 || lines[end - 1] === '' ? [] : [''];
  const trail = end < lines.length && lines[end] !== '' ? [''] : [];
  return inserted(end, [...lead, '[tool.marimo.runtime]', setting, ...trail]);
}

/** Where marimo's last table ends, or the text, without the blank lines and comments behind it. */
function endOf(lines: readonly string[], headers: readonly (string | undefined)[]): number {
  const last = headers.findLastIndex((header) => /^tool\.marimo(\.|$)/.test(header ?? ''));
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

function spliced(lines: readonly string[], change: Change): string[] {
  return lines.toSpliced(change.at, change.remove, ...change.lines);
}

function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

type Table = Record<string, unknown>;

function parsed(lines: readonly string[]): Table {
  try {
    return parse(lines.join('\n'));
  } catch (error) {
    throw new CannotTurnOn('brokenToml', error instanceof Error ? error.message : String(error));
  }
}

/** Sets it in the document itself. @returns false where something else bears a table's name */
function set(document: Table, value: boolean): boolean {
  let table = document;
  for (const key of ['tool', 'marimo', 'runtime']) {
    // The parser makes the new tables too, so that they are equal to those it reads.
    const inner = (table[key] ??= parse(''));
    if (typeof inner !== 'object' || Array.isArray(inner) || inner instanceof Date) return false;
    table = inner as Table;
  }
  table.cache_cells = value;
  return true;
}

/**
 * The script metadata blocks: the lines of their content, the markers aside. A block ends with its
 * first `# ///`, as marimo reads it (`marimo/_environments/script_metadata.py`), where PEP 723 would
 * go on to the last; marimo refuses a file with several.
 */
function metadataBlocks(lines: readonly string[]): { from: number; to: number }[] {
  const blocks = [];
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== '# /// script') continue;
    let to = -1;
    let line = at + 1;
    for (; /^#( .*)?$/.test(lines[line] ?? ''); line++) {
      if (lines[line] === '# ///') {
        to = line;
        break;
      }
    }
    if (to > at + 1) blocks.push({ from: at + 1, to });
    at = line;
  }
  return blocks;
}

function uncommented(line: string): string {
  return line.startsWith('# ') ? line.slice(2) : line.slice(1);
}
