import * as l10n from '@vscode/l10n';
import { type DocumentCell, isServed } from './cells';

/** How a result stands to its notebook as that ran last. */
export type Standing = 'current' | 'again' | 'outdated' | 'orphaned' | 'obsolete';

/** What the view and the preview say of a result follows from this. */
export interface Stand {
  /** Whether it belongs to the cell as it last ran. */
  readonly current: boolean;
  /** Whether the cell is no longer in the notebook. */
  readonly orphaned: boolean;
  /** Set once the notebook ran without the cell: otherwise it is orphaned in the editor alone. */
  readonly retiredAt: number | undefined;
  /** Whether the marimo that the notebook ran with last does not read it. */
  readonly obsolete: boolean;
  /** Whether marimo runs the cell each time, though this is found. */
  readonly again: boolean;
  /** What speaks against its being served as the notebook is in an editor. */
  readonly doubt: Doubt | undefined;
}

/** What is said at a cell of an open notebook to which the next run serves nothing, or not for sure. */
export type Doubt = Pick<DocumentCell, 'state' | 'outdated' | 'label' | 'reason'>;

/** What open notebooks say of cells with results, and the cache does not know. */
export interface OpenCells {
  /** Those that the notebooks have no more. */
  readonly orphaned: ReadonlySet<number>;
  /** Those that the notebooks have, and did not have when they last ran. */
  readonly returned: ReadonlySet<number>;
  /** The results by which cells stand, where these were saved or served another one since: by Git, say. */
  readonly earlier: ReadonlySet<number>;
  /** Those of which it is said that they are not served, or not for sure. */
  readonly doubts: ReadonlyMap<number, Doubt>;
}

/** What an open notebook says at a cell; nothing where that speaks against no saving of which the cache knows. */
export function doubtAt(cell: DocumentCell): Doubt | undefined {
  const { state, outdated, label, reason } = cell;
  // Of a cell that runs each time the cache knows itself, and what its functions save all the same.
  const isNone = isServed(cell) || state === 'again' || state === 'neverCached';
  return isNone ? undefined : { state, outdated, label, reason };
}

/** What a doubt about a cell is to a result of it: functions and blocks are served where cells are not cached. */
export function doubtAbout(
  { cacheName }: { readonly cacheName: string },
  doubt: Doubt | undefined,
): Doubt | undefined {
  return doubt?.state === 'off' && cacheName !== 'cell_cache' ? undefined : doubt;
}

/** Whether a cell is no longer in its notebook, as that is in an editor, or else was when it last ran. */
export function isOrphaned(
  { cellId, retiredAt }: { readonly cellId: number; readonly retiredAt: number | undefined },
  { orphaned, returned }: OpenCells,
): boolean {
  return orphaned.has(cellId) || (retiredAt !== undefined && !returned.has(cellId));
}

/** Of which cells a saving is told other than the cache has it, as their notebooks stand in editors. */
export function inEditors({ orphaned, returned, earlier, doubts }: OpenCells): {
  readonly idle: ReadonlySet<number>;
  readonly returned: ReadonlySet<number>;
  readonly earlier: ReadonlySet<number>;
} {
  return { idle: new Set([...orphaned, ...doubts.keys()]), returned, earlier };
}

/** The doubt about it, where it would be served otherwise: then this is all that is said of how it stands. */
export function doubtIn({ current, orphaned, doubt }: Stand): Doubt | undefined {
  return current && !orphaned ? doubt : undefined;
}

/** What speaks most against its being served, by what the cache knows. */
export function standingOf({ current, orphaned, obsolete, again }: Stand): Standing {
  if (obsolete) return 'obsolete';
  if (orphaned) return 'orphaned';
  if (!current) return 'outdated';
  return again ? 'again' : 'current';
}

/** Whether the next run may spare what it took. */
export function savesTime(stand: Stand): boolean {
  return standingOf(stand) === 'current' && doubtIn(stand) === undefined;
}

/**
 * What a cell and its results are called that are orphaned. One that ran last is missing in the editor alone,
 * where it was deleted, or never was since others write the file.
 */
export function orphanedName({ retiredAt }: Pick<Stand, 'retiredAt'>): string {
  return retiredAt === undefined ? l10n.t('not in the editor') : l10n.t('orphaned');
}

/** What it is called to stand so, and a sentence about a result that does. */
export function standingWords(stand: Stand): {
  readonly name: string;
  readonly sentence: string;
} {
  const doubt = doubtIn(stand);
  // As it stands at the cell.
  if (doubt !== undefined) return { name: doubt.label, sentence: doubt.reason };
  switch (standingOf(stand)) {
    case 'current':
      return {
        name: l10n.t('current'),
        sentence: l10n.t('Belongs to the cell as it last ran.'),
      };
    case 'again':
      return {
        name: l10n.t('runs each time'),
        sentence: l10n.t('The cell makes UI elements, which marimo makes anew in every run.'),
      };
    case 'outdated':
      return {
        name: l10n.t('outdated'),
        sentence: l10n.t(
          'Belongs to an earlier state of the cell, or of a cell that it depends on.',
        ),
      };
    case 'orphaned':
      return {
        name: orphanedName(stand),
        sentence:
          stand.retiredAt === undefined
            ? l10n.t(
                'The notebook in the editor does not have its cell. It is served where it has it, as it had when it ran last.',
              )
            : l10n.t('Its cell is no longer in the notebook. It is served if that comes back.'),
      };
    case 'obsolete':
      return {
        name: l10n.t('obsolete'),
        sentence: l10n.t(
          'Another version of marimo saved it, which the one that the notebook ran with last does not read.',
        ),
      };
  }
}
