/**
 * Every word that the preview shows, in the user's language. The page gets its share by protocol.
 * `@vscode/l10n` is configured by the composition root with the same bundle as `vscode.l10n`, and
 * unlike that it can be loaded without an editor.
 */
import * as l10n from '@vscode/l10n';
import type { Badge, Strings } from '../protocol/preview';
import type { CacheType, Format, Lost } from '../store/rows';

/** The page's words. What is in braces is filled in by the page. */
export function pageStrings(): Strings {
  return {
    about: l10n.t('About this result'),
    actions: l10n.t('Actions'),
    arrayOrder: l10n.t('Order in memory'),
    arrayShape: l10n.t('Shape'),
    arrayType: l10n.t('Type (dtype)'),
    bytesHead: l10n.t('First bytes'),
    calledWith: l10n.t('Called with'),
    cancel: l10n.t('Cancel'),
    cancelled: l10n.t('Cancelled.'),
    checking: l10n.t('Only a part of the bytes has been read. The whole is being verified.'),
    clearApp: l10n.t('Clear Notebook'),
    clearCell: l10n.t('Clear Cell'),
    clearResult: l10n.t('Clear Result'),
    cleared: l10n.t('This result was cleared. What you see was read before.'),
    columns: l10n.t('Columns'),
    columnsInAll: l10n.t('{0} columns'),
    columnsShown: l10n.t('Columns {0}–{1} of {2}'),
    costly: l10n.t(
      'This table was saved in large pieces: to show any of its rows, {0} rows ({1} in memory) have to be decoded. The table has {2} rows in all.',
    ),
    damaged: l10n.t('damaged'),
    empty: l10n.t('This result holds no values.'),
    firstPage: l10n.t('First Page'),
    firstValues: l10n.t('First values'),
    fortranOrder: l10n.t('Fortran (columns first)'),
    goToRow: l10n.t('Go to row'),
    index: l10n.t('Row number'),
    json: l10n.t('JSON'),
    lastPage: l10n.t('Last Page'),
    manageTrust: l10n.t('Manage Workspace Trust'),
    more: l10n.t('There are more values than are shown here.'),
    newer: l10n.t('A newer result of this cell is in the cache.'),
    nextColumns: l10n.t('Next Columns'),
    nextPage: l10n.t('Next Page'),
    noColumns: l10n.t('This table has no columns.'),
    noReferences: l10n.t('Nothing outside of it.'),
    noRows: l10n.t('No rows'),
    noValue: l10n.t('no value'),
    noValues: l10n.t('This array has no values.'),
    oneColumn: l10n.t('1 column'),
    oneRow: l10n.t('1 row'),
    pages: l10n.t('Pages of the table'),
    pickleHolds: l10n.t('What it holds'),
    pickleNeverLoaded: l10n.t(
      'This is a Python pickle. Loading one can run any code, so Cellar never loads it: what is shown here is read from its instructions.',
    ),
    pickleProtocol: l10n.t('Pickle protocol'),
    pickleRefersTo: l10n.t('Loading it would import'),
    pickleStrings: l10n.t('Texts found in it'),
    previousColumns: l10n.t('Previous Columns'),
    previousPage: l10n.t('Previous Page'),
    randomAsFound: l10n.t('{0}, if it stands where the cell found it'),
    randomGoesOn: l10n.t(
      'A cell that comes from the cache draws no random numbers. So that the cells after it draw the same ones as if it had run, Cellar sets these generators to where it left them:',
    ),
    randomOfNotebook: l10n.t('a generator of the notebook'),
    randomOfNumpy: l10n.t("NumPy's own generator"),
    randomOfPython: l10n.t("Python's own generator"),
    randomSeeded: l10n.t('{0}, always, since the cell seeds it'),
    reading: l10n.t('Reading…'),
    retry: l10n.t('Try Again'),
    revealCell: l10n.t('Reveal Cell'),
    rowsInAll: l10n.t('{0} rows'),
    rowsShown: l10n.t('Rows {0}–{1} of {2}'),
    scalar: l10n.t('() (a single value)'),
    showAnyway: l10n.t('Show Anyway'),
    showLog: l10n.t('Show Log'),
    showNewer: l10n.t('Show It'),
    size: l10n.t('Size'),
    table: l10n.t('Table'),
    tableSize: l10n.t('{0} × {1}'),
    unreadableColumn: l10n.t('This column cannot be read: {0}'),
    unverified: l10n.t('not yet verified'),
    unverifiedExplanation: l10n.t('Only a part of the bytes has been read.'),
    values: l10n.t('Values'),
    verified: l10n.t('verified'),
    verifiedExplanation: l10n.t('All bytes are those that were saved.'),
  };
}

/** What an entry is called that belongs to a cell without a name or code. */
export function noCode(): string {
  return l10n.t('(no code)');
}

export function formatName(format: Format): string {
  switch (format) {
    case 'arrow':
      return 'Arrow';
    case 'json':
      return 'JSON';
    case 'npy':
      return 'NumPy';
    case 'pickle':
      return l10n.t('pickle');
    case 'pt':
      return 'PyTorch';
    case 'bin':
      return l10n.t('bytes');
    case 'manifest':
      return l10n.t('marimo manifest');
  }
}

/**
 * How marimo finds an entry again, by the letter it gives to each way (`CacheType` in
 * `marimo/_save/hash.py`), as a word and a sentence.
 */
export function cacheTypeName(type: CacheType): { name: string; explanation: string } {
  switch (type) {
    case 'P':
      return {
        name: l10n.t('pure'),
        explanation: l10n.t('The code uses nothing from outside: the code alone is the key.'),
      };
    case 'C':
      return {
        name: l10n.t('by content'),
        explanation: l10n.t('The key is made of the code and of the content of what it uses.'),
      };
    case 'E':
      return {
        name: l10n.t('by execution path'),
        explanation: l10n.t(
          'Something it uses has no content that could be compared: the key is made of the code of the cells that lead here.',
        ),
      };
    case 'X':
      return {
        name: l10n.t('by execution path and context'),
        explanation: l10n.t(
          'The key is made of the code of the cells that lead here and of the code around the block.',
        ),
      };
    case 'D':
      return {
        name: l10n.t('deferred'),
        explanation: l10n.t('The key is completed when the function is called.'),
      };
    case 'U':
      return {
        name: l10n.t('unknown'),
        explanation: l10n.t('marimo did not say how it found the key.'),
      };
  }
}

/** How a cache is made, by its name. */
export function cacheNameExplanation(cacheName: string): string {
  return cacheName === 'cell_cache'
    ? l10n.t('Made by marimo as it caches whole cells.')
    : l10n.t('Made by mo.persistent_cache in the code.');
}

/** The labels of an entry's facts, and the sentences in them. */
export const facts = {
  cell: () => l10n.t('Cell'),
  notebook: () => l10n.t('Notebook'),
  hash: () => l10n.t('Hash'),
  cache: () => l10n.t('Cache'),
  type: () => l10n.t('Found'),
  loader: () => l10n.t('Loader'),
  formats: () => l10n.t('Formats'),
  size: () => l10n.t('Size'),
  bytes: (count: string) => l10n.t('{0} bytes', count),
  runtime: () => l10n.t('Runtime'),
  notMeasured: () => l10n.t('not measured'),
  created: () => l10n.t('Created'),
  lastHit: () => l10n.t('Last hit'),
  never: () => l10n.t('never'),
  hits: () => l10n.t('Hits'),
  versions: () => l10n.t('Made by'),
  cacheFormat: (version: string) => l10n.t('cache format {0}', version),
  unknownVersions: () => l10n.t('unknown'),
  cost: () => l10n.t('Cost'),
  saves: (worth: string) => l10n.t('saves {0}', worth),
} as const;

/** Of a result that is pinned, beside how it stands. */
export function pinnedBadge(): Badge {
  return { text: l10n.t('pinned'), explanation: l10n.t('Cleaning up never removes it.') };
}

/** Why the buttons that clear are disabled. */
export function noClearing(): string {
  return l10n.t(
    'Nothing can be cleared in Restricted Mode: trust this workspace to change its cache.',
  );
}

/** What is wrong with a value's bytes. */
export function lostMessage(why: Lost['why']): string {
  switch (why) {
    case 'cleared':
      return l10n.t('This value was cleared, or replaced by another.');
    case 'missing':
      return l10n.t('The file of this value is not there.');
    case 'wrongSize':
      return l10n.t('The stored bytes are fewer or more than were saved.');
    case 'wrongBytes':
      return l10n.t('The stored bytes are not those that were saved.');
    case 'wrongSeal':
      return l10n.t('The stored bytes belong to another value.');
    case 'quarantined':
      return l10n.t('The stored bytes were found to be wrong before, and are never used.');
    case 'unsafePath':
      return l10n.t('The cache names a file that is not its own, which is not opened.');
    case 'tooLarge':
      return l10n.t('The stored bytes are in a row of the database that is too large to be read.');
  }
}

/** What the user can do about something that cannot be shown. */
export const waysOut = {
  runAgain: () =>
    l10n.t('Nothing else is affected. Clear the cell and run it again to have the value anew.'),
  tryAgain: () => l10n.t('Try again; the log says more.'),
  update: () => l10n.t('A later version of Cellar may be able to show it.'),
  readInPython: () => l10n.t('It is still served to the notebook: look at it there.'),
  allowReading: () =>
    l10n.t('Make sure that the file is there and that you may read it, then try again.'),
  runTheCell: () => l10n.t('Run the cell again to have its result cached.'),
  openAgain: () => l10n.t('Close this preview, and open the value again from the Cell Cache view.'),
} as const;

export const problems = {
  entryGone: () => l10n.t('This result is no longer in the cache.'),
  unforeseen: (message: string) => l10n.t('This cannot be shown: {0}', message),
} as const;
