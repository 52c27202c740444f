import type { CellState, DocumentCell } from '../protocol/cells';

/** @returns a codicon with a shape of its own for how a cell stands, as the gutter has pictures */
export function signOf({ state, outdated }: Pick<DocumentCell, 'state' | 'outdated'>): string {
  return outdated ? 'warning' : signs[state];
}

const signs: Readonly<Record<CellState, string>> = {
  fresh: 'pass',
  changedHere: 'edit',
  changedUpstream: 'arrow-up',
  changedModule: 'arrow-up',
  changedFile: 'arrow-up',
  obsolete: 'history',
  disabled: 'debug-pause',
  off: 'circle-slash',
  again: 'sync',
  notCacheable: 'circle-slash',
  unfinished: 'stop-circle',
  noRoom: 'warning',
  unknown: 'question',
  neverCached: 'circle-large-outline',
};
