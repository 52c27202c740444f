/**
 * What the preview's page and its host say to each other. Both sides parse what they get. Requests
 * are numbered by the page, and every one settles: `page`, `failed` or `cancelled`.
 *
 * The page knows values by their place in the last `entry` message and decides nothing: texts come
 * from the host, in the user's language.
 */
import type { Column, Page, SetGenerator, TreeNode } from './pages';
import { count, flag, list, nullable, number, object, oneOf, optional, text, union } from './shape';
import type { Shape } from './shape';

/** From the page to the host. */
export type ToHost =
  /** The page listens. Nothing is sent to it before. */
  | { readonly type: 'ready' }
  | ({ readonly type: 'page'; readonly request: number } & WantedPage)
  /** The answer to `request` is no longer wanted; it settles with `cancelled`, or as it was. */
  | { readonly type: 'cancel'; readonly request: number }
  /** The value is shown that the page was told to select. */
  | { readonly type: 'selected'; readonly key: string }
  | { readonly type: 'command'; readonly command: Command };

/** Which part of which value is wanted. */
export interface WantedPage {
  /** marimo's store key of the value. */
  readonly key: string;
  readonly from: number;
  readonly count: number;
  readonly fromColumn: number;
  /** Whether the user has agreed to the cost of a large record batch. */
  readonly allowCostly: boolean;
}

export type Command =
  'clearResult' | 'clearCell' | 'clearApp' | 'revealCell' | 'showNewer' | 'showLog' | 'manageTrust';

/** From the host to the page. */
export type ToPage =
  | { readonly type: 'begin'; readonly locale: string; readonly strings: Strings }
  | { readonly type: 'entry'; readonly entry: EntryView }
  /** There is no entry to show: the cache cannot be opened, or holds it no more. */
  | { readonly type: 'unavailable'; readonly problem: Problem }
  /** Show this value of the entry. */
  | { readonly type: 'select'; readonly key: string }
  | { readonly type: 'page'; readonly request: number; readonly page: Page }
  | { readonly type: 'failed'; readonly request: number; readonly problem: Problem }
  | { readonly type: 'cancelled'; readonly request: number };

/** What went wrong, with which file, and what the user can do. */
export interface Problem {
  readonly message: string;
  readonly wayOut: string;
  /** The file's path, where one file is to blame. */
  readonly file: string | undefined;
}

/** An entry as the page shows it. */
export interface EntryView {
  /** What the page keeps so that a reload finds the entry again; it means nothing to the page. */
  readonly bookmark: Bookmark;
  /** The call that it is of, or the cell's name, or the first line of its code. */
  readonly title: string;
  /** What the function was called with; nothing of what no function returned, or where that is not known. */
  readonly call: readonly ArgumentView[];
  readonly summary: string;
  readonly badges: readonly Badge[];
  readonly facts: readonly Fact[];
  readonly values: readonly ValueView[];
  readonly fate: Fate;
  readonly clearing: Clearing;
  /** Whether the notebook still has the cell, as it is in an editor or a kernel saw it last. */
  readonly revealing: boolean;
}

/** Names an entry across sessions, in which an id may be given to another entry. */
export interface Bookmark {
  /** The host's own number for the database, kept in the workspace's state: never a path. */
  readonly database: number;
  readonly entryId: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly createdAt: number;
}

export interface Badge {
  readonly text: string;
  readonly explanation: string;
}

export interface Fact {
  readonly label: string;
  readonly text: string;
  /** More of it, shown while the pointer rests on it: a whole path, an exact time. */
  readonly detail: string | undefined;
  /** Whether it is set in the editor's font: a hash, a path. */
  readonly code: boolean;
}

export interface ArgumentView {
  readonly name: string;
  /** As Python writes it, but with its lines apart. */
  readonly text: string;
}

export interface ValueView {
  readonly key: string;
  readonly name: string;
  /** Its Python type where it is known, and its format: `DataFrame (Arrow)`. */
  readonly kind: string;
  readonly size: string;
  readonly check: Check;
}

/** Whether a value's bytes are those that were saved. */
export type Check =
  /** Nothing of it has been read. */
  | { readonly kind: 'unread' }
  | { readonly kind: 'checking' }
  /** Read in part, and nobody is checking the whole. */
  | { readonly kind: 'unverified' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'damaged'; readonly problem: Problem };

/** What became of the entry since it was first shown. */
export type Fate =
  | { readonly kind: 'present' }
  | { readonly kind: 'cleared'; readonly newer: boolean }
  | { readonly kind: 'outdone' };

/** Whether Clear can be used, and if not, why. */
export type Clearing =
  | { readonly kind: 'allowed' }
  /** Not before the workspace is trusted. */
  | { readonly kind: 'restricted'; readonly reason: string };

const stringNames = [
  'about',
  'actions',
  'arrayOrder',
  'arrayShape',
  'arrayType',
  'bytesHead',
  'calledWith',
  'cancel',
  'cancelled',
  'checking',
  'clearApp',
  'clearCell',
  'clearResult',
  'cleared',
  'columns',
  'columnsInAll',
  'columnsShown',
  'costly',
  'damaged',
  'empty',
  'firstPage',
  'firstValues',
  'fortranOrder',
  'goToRow',
  'index',
  'json',
  'lastPage',
  'manageTrust',
  'more',
  'newer',
  'nextColumns',
  'nextPage',
  'noColumns',
  'noReferences',
  'noRows',
  'noValue',
  'noValues',
  'oneColumn',
  'oneRow',
  'pages',
  'pickleHolds',
  'pickleNeverLoaded',
  'pickleProtocol',
  'pickleRefersTo',
  'pickleStrings',
  'previousColumns',
  'previousPage',
  'randomAsFound',
  'randomGoesOn',
  'randomOfNotebook',
  'randomOfNumpy',
  'randomOfPython',
  'randomSeeded',
  'reading',
  'retry',
  'revealCell',
  'rowsInAll',
  'rowsShown',
  'scalar',
  'showAnyway',
  'showLog',
  'showNewer',
  'size',
  'table',
  'tableSize',
  'unreadableColumn',
  'unverified',
  'unverifiedExplanation',
  'values',
  'verified',
  'verifiedExplanation',
] as const;

/** The page's words by name. `{0}`, `{1}`, … stand for what the page fills in. */
export type Strings = Readonly<Record<(typeof stringNames)[number], string>>;

/** @throws {Misshapen} when `message` is none of a page's */
export function parseToHost(message: unknown): ToHost {
  return toHost(message, 'message');
}

/** @throws {Misshapen} when `message` is none of the host's */
export function parseToPage(message: unknown): ToPage {
  return toPage(message, 'message');
}

/** @returns the bookmark in what VS Code kept of a page's state, or `undefined` where there is none */
export function parseBookmark(state: unknown): Bookmark | undefined {
  try {
    return object<{ bookmark: Bookmark }>({ bookmark })(state, 'state').bookmark;
  } catch {
    return undefined;
  }
}

const toHost = union<'type', ToHost>('type', {
  ready: {},
  page: {
    request: count,
    key: text,
    from: count,
    count,
    fromColumn: count,
    allowCostly: flag,
  },
  cancel: { request: count },
  selected: { key: text },
  command: {
    command: oneOf(
      'clearResult',
      'clearCell',
      'clearApp',
      'revealCell',
      'showNewer',
      'showLog',
      'manageTrust',
    ),
  },
});

const problem = object<Problem>({ message: text, wayOut: text, file: optional(text) });

const bookmark = object<Bookmark>({
  database: count,
  entryId: count,
  hash: text,
  createdAt: number,
});

const entry = object<EntryView>({
  bookmark,
  title: text,
  call: list(object<ArgumentView>({ name: text, text })),
  summary: text,
  badges: list(object<Badge>({ text, explanation: text })),
  facts: list(object<Fact>({ label: text, text, detail: optional(text), code: flag })),
  values: list(
    object<ValueView>({
      key: text,
      name: text,
      kind: text,
      size: text,
      check: union<'kind', Check>('kind', {
        unread: {},
        checking: {},
        unverified: {},
        verified: {},
        damaged: { problem },
      }),
    }),
  ),
  fate: union<'kind', Fate>('kind', { present: {}, cleared: { newer: flag }, outdone: {} }),
  clearing: union<'kind', Clearing>('kind', { allowed: {}, restricted: { reason: text } }),
  revealing: flag,
});

const column = object<Column>({
  name: text,
  type: text,
  align: oneOf('left', 'right'),
  unreadable: optional(text),
});

const treeNode: Shape<TreeNode> = (value, at) =>
  object<TreeNode>({
    key: text,
    type: oneOf(
      'object',
      'array',
      'string',
      'number',
      'boolean',
      'null',
      'instance',
      'cut',
      'picture',
    ),
    text,
    picture: optional(text),
    children: optional(list(treeNode)),
  })(value, at);

const page = union<'kind', Page>('kind', {
  table: {
    columns: list(column),
    rows: list(list(nullable(text))),
    from: count,
    total: count,
    fromColumn: count,
    totalColumns: count,
    batches: count,
  },
  tree: { root: treeNode, incomplete: optional(text) },
  array: {
    dtype: text,
    shape: list(count),
    fortranOrder: flag,
    rows: list(list(text)),
    labels: list(text),
    truncated: flag,
    unreadable: optional(text),
  },
  pickle: {
    protocol: optional(count),
    size: count,
    root: optional(treeNode),
    refersTo: list(text),
    strings: list(text),
    incomplete: optional(text),
  },
  bytes: { size: count, head: list(text) },
  random: {
    generators: list(
      object<SetGenerator>({ name: text, of: oneOf('python', 'numpy', 'notebook'), seeded: flag }),
    ),
  },
  costly: { columns: list(column), total: count, batchRows: count, batchSize: count },
});

// Every string by the same shape; `fromEntries` forgets the names that the list above holds.
const strings = object<Strings>(
  Object.fromEntries(stringNames.map((name) => [name, text])) as Record<
    keyof Strings,
    Shape<string>
  >,
);

const toPage = union<'type', ToPage>('type', {
  begin: { locale: text, strings },
  entry: { entry },
  unavailable: { problem },
  select: { key: text },
  page: { request: count, page },
  failed: { request: count, problem },
  cancelled: { request: count },
});
