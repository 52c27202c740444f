import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { formatBytes, formatCount, formatDuration } from '../../protocol/quantities';
import type { Fault, FaultKind, Report } from '../../store/checking/checking';
import { canMend, type Mended } from '../../store/checking/mending';
import { cellLabel } from '../tree/cellRow';

/** What a check found of one database, or why that could not be read: its own words, with the way out. */
export type Checked = {
  /** As people know it: relative to the workspace, where it is in one. */
  readonly name: string;
  readonly path: string;
} & (Read | { readonly failure: string });

/** What was found, and in which of the databases in that place: `SqliteLoader.generation`. */
interface Read {
  readonly generation: string;
  readonly report: Report;
}

/** What is wrong with the rows, bytes and files of a database that can be read. */
export function faultsOf(checked: Checked): readonly Fault[] {
  return 'report' in checked ? checked.report.faults : [];
}

/** Faults of a kind that are listed; the rest is counted. */
const listed = 20;
/** Of a value that many cells share, so many of them. */
const namedCells = 3;

/** What is kept aside when it is put right. */
const wrong: readonly FaultKind[] = ['wrong-bytes', 'wrong-size'];
/** What takes its result along. */
const lost: readonly FaultKind[] = ['missing-file', 'wrong-name', 'seal', 'no-items', 'not-whole'];

export interface Reader {
  readonly locale: string;
  /** Whether something may be changed: not in Restricted Mode. */
  readonly trusted: boolean;
}

/** The report as the editor shows it: plain text, since keys and paths may be a stranger's. */
export function reportText(checked: readonly Checked[], reader: Reader): string {
  return checked.map((each) => oneReport(each, reader)).join('\n\n');
}

function oneReport(checked: Checked, { locale, trusted }: Reader): string {
  const { path } = checked;
  const lines = [path, '='.repeat(path.length), ''];
  if ('failure' in checked) {
    // The head has said where it is.
    const why = checked.failure.replaceAll(path, basename(path));
    lines.push(l10n.t('This cache cannot be read'), ...broken(printable(why), '  '));
    return lines.join('\n');
  }
  const { report } = checked;
  if (report.faults.length === 0) lines.push(l10n.t('Nothing is wrong.'));
  for (const kind of new Set(report.faults.map((fault) => fault.kind))) {
    const alike = report.faults.filter((fault) => fault.kind === kind);
    lines.push(`${titleOf(kind)} (${formatCount(alike.length, locale)})`);
    for (const fault of alike.slice(0, listed)) lines.push(`  ${printable(lineOf(fault))}`);
    const more = alike.length - listed;
    if (more > 0) lines.push(`  ${l10n.t('and {0} more', formatCount(more, locale))}`);
    lines.push('');
  }
  const ways = waysOut(path, report.faults, trusted);
  if (ways.length > 0) lines.push(...ways, '');
  lines.push(
    l10n.t(
      'Results that are kept: {0}, {1}.',
      formatCount(report.entries, locale),
      formatBytes(report.size, locale),
    ),
  );
  if (report.quarantined > 0) {
    lines.push(
      l10n.t(
        'Damaged values that were found before: {0}.',
        formatCount(report.quarantined, locale),
      ),
      ...broken(
        l10n.t(
          'They are kept aside and never served; a run that computes them again replaces them.',
        ),
      ),
    );
  }
  return lines.join('\n');
}

/** By the cells that lose by it, where there are any. */
function lineOf({ about, message, owners = [] }: Fault): string {
  const cells = owners
    .slice(0, namedCells)
    .map(({ notebook, name, code }) =>
      l10n.t('{0} of {1}', cellLabel({ name, code }), basename(notebook)),
    );
  const more = owners.length - cells.length;
  if (more > 0) cells.push(l10n.t('{0} more', more));
  if (cells.length === 0) return `${about}: ${message}`;
  // As much of a digest as tells the file, so that the line is read without scrolling. Three dots: in
  // Restricted Mode the editor puts a box around every character that is not ASCII.
  const short = /^[0-9a-f]{64}$/.test(about) ? `${about.slice(0, 12)}...` : about;
  return `${cells.join(', ')}: ${message} (${short})`;
}

/** What the reader can do about it, or need not do. */
function waysOut(path: string, faults: readonly Fault[], trusted: boolean): string[] {
  const ways: string[] = [];
  const say = (sentences: string) => ways.push(...broken(sentences));
  if (faults.some(({ kind }) => [...wrong, ...lost].includes(kind))) {
    say(
      l10n.t(
        'What is damaged or missing is never served: the next run of its cell computes it again.',
      ),
    );
  }
  if (faults.some(canMend)) {
    say(
      trusted
        ? l10n.t('To put this right, choose Put Right... in the notice, or check once more.')
        : l10n.t(
            'In Restricted Mode Cellar changes nothing. To put this right, trust this workspace and check once more.',
          ),
    );
  }
  if (faults.some(({ kind }) => kind === 'unreadable-file')) {
    say(l10n.t('What may not be read is left alone: see to the permissions of the file.'));
  }
  // What only the kernel's side can do.
  if (faults.some((fault) => !canMend(fault) && fault.kind !== 'unreadable-file')) {
    say(
      l10n.t(
        'The database file itself is damaged. The next run that meets the damage sets it aside and goes on with what is whole; at once, this does it:',
      ),
    );
    // Whole, so that it can be copied.
    ways.push(`  python -m marimo_cellar check "${path}" --repair`);
  }
  return ways;
}

/** In one sentence, for a notification. */
export function summary(checked: readonly Checked[], locale: string): string {
  const wrongs = checked.flatMap((each): Checked[] =>
    'failure' in each ? [each] : each.report.faults.map(() => each),
  );
  const [first] = wrongs;
  if (first === undefined) {
    return checked.length === 1
      ? l10n.t('Nothing is wrong with the cache.')
      : l10n.t('Nothing is wrong with the {0} caches.', formatCount(checked.length, locale));
  }
  if (wrongs.length > 1) {
    return l10n.t('{0} things are wrong with what is cached.', formatCount(wrongs.length, locale));
  }
  return 'failure' in first
    ? l10n.t('The cache {0} cannot be read.', first.name)
    : l10n.t('One thing is wrong with the cache {0}.', first.name);
}

export interface Question {
  readonly title: string;
  readonly detail: string;
  readonly yes: string;
}

/** Before anything is changed: what would be. */
export function question(faults: readonly Fault[], locale: string): Question {
  const count = (...kinds: FaultKind[]) => faults.filter(({ kind }) => kinds.includes(kind)).length;
  const told = (amount: number) => formatCount(amount, locale);
  const lines: string[] = [];
  const damaged = count(...wrong);
  if (damaged > 0) {
    lines.push(l10n.t('Damaged values are kept aside and never served again: {0}.', told(damaged)));
  }
  const useless = count(...lost);
  if (useless > 0) {
    lines.push(
      l10n.t('Results that cannot be served are removed. Reasons for that: {0}.', told(useless)),
    );
  }
  const loose = count('unused-blob', 'unused-source', 'unknown-file', 'partial-file');
  if (loose > 0) lines.push(l10n.t('What nothing needs is removed: {0}.', told(loose)));
  if (count('totals') > 0)
    lines.push(l10n.t('The sizes and counts in the tree are added up anew.'));
  lines.push(l10n.t('Whatever is missing is computed again by the next run.'));
  return {
    title: l10n.t('Put right what is wrong with the cache?'),
    detail: lines.join('\n'),
    yes: l10n.t('Put Right'),
  };
}

/** What was done, short enough for the one line of a notice: "Put right: 2 results, 1 file worth 34 s." */
export function notice(done: readonly Mended[], locale: string): string {
  const total = (of: (each: Mended) => number) => done.reduce((sum, each) => sum + of(each), 0);
  const values = total(({ quarantined }) => quarantined);
  const results = total(({ removed }) => removed);
  const files = total((each) => each.files);
  const seconds = total(({ runtime }) => runtime);
  const parts = [
    ...(values === 0
      ? []
      : [values === 1 ? l10n.t('1 value') : l10n.t('{0} values', formatCount(values, locale))]),
    ...(results === 0
      ? []
      : [results === 1 ? l10n.t('1 result') : l10n.t('{0} results', formatCount(results, locale))]),
    ...(files === 0
      ? []
      : [files === 1 ? l10n.t('1 file') : l10n.t('{0} files', formatCount(files, locale))]),
  ];
  if (parts.length === 0) return l10n.t('Put right.');
  return values + results === 0
    ? l10n.t('Put right: {0}.', parts.join(', '))
    : l10n.t('Put right: {0} worth {1}.', parts.join(', '), formatDuration(seconds, locale));
}

function titleOf(kind: FaultKind): string {
  switch (kind) {
    case 'unreadable':
      return l10n.t('SQLite cannot read all of it');
    case 'integrity':
      return l10n.t("SQLite's own check failed");
    case 'foreign-key':
    case 'owner':
    case 'row':
      return l10n.t('Rows that do not belong together');
    case 'totals':
      return l10n.t('Wrong totals');
    case 'seal':
      return l10n.t('Values that are not those of their key');
    case 'no-items':
    case 'not-whole':
      return l10n.t('Results that are not whole');
    case 'unused-blob':
    case 'unused-source':
      return l10n.t('Rows that nothing needs');
    case 'wrong-name':
    case 'missing-file':
      return l10n.t('Values whose file is gone');
    case 'wrong-size':
    case 'wrong-bytes':
      return l10n.t('Damaged values');
    case 'unreadable-file':
      return l10n.t('Files that may not be read');
    case 'unknown-file':
      return l10n.t('Files that no row names');
    case 'partial-file':
      return l10n.t('Files that were not written to the end');
  }
}

/** Columns: an editor beside the view has about as many. */
const width = 80;

/** Sentences as lines of the report, each behind the indent. */
function broken(sentences: string, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of sentences.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A stranger's text on one line, without what turns its reading around. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
