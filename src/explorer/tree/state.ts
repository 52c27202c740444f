import type { ProblemNode } from './nodes';

/** What the tree amounts to, for the words that are shown when it is empty. */
export interface Contents {
  readonly apps: number;
  readonly problems: readonly ProblemNode[];
  /** How many damaged databases were set aside. */
  readonly setAside: number;
  /** How many settings are not followed. */
  readonly settings: number;
  readonly files: number;
}

/**
 * Which words fill the view while the tree is empty; the value of the context key `cellar.state`
 * that package.json's `viewsWelcome` ask for. A workspace without a folder is told apart by VS Code's
 * own `workbenchState`.
 */
export type State =
  /** There is a tree to show. */
  | 'ready'
  /** Nothing is cached yet, or all of it was cleared. */
  | 'empty'
  /** marimo keeps a cache in files, without Cellar. */
  | 'fileCache'
  /** There are databases and SQLite does not load on this platform. */
  | 'unsupported';

export function stateOf({ apps, problems, setAside, settings, files }: Contents): State {
  if (problems.some(({ problem }) => problem.kind === 'unsupported')) return 'unsupported';
  if (apps + problems.length + setAside + settings > 0) return 'ready';
  return files > 0 ? 'fileCache' : 'empty';
}
