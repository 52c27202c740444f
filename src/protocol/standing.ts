import * as l10n from '@vscode/l10n';

/** How a result stands to its notebook; what the view and the preview say of it follows from this. */
export type Standing = 'current' | 'again' | 'disabled' | 'outdated' | 'orphaned' | 'obsolete';

export interface Stand {
  /** Whether it belongs to the cell as it last ran. */
  readonly current: boolean;
  /** Whether the cell is no longer in the notebook. */
  readonly orphaned: boolean;
  /** Whether the marimo that the notebook ran with last does not read it. */
  readonly obsolete: boolean;
  /** Whether marimo runs the cell each time, though this is found. */
  readonly again: boolean;
  /** Whether marimo does not run the cell, and so serves nothing to it, as the notebook is in an editor. */
  readonly disabled: boolean;
}

/** What open notebooks say of cells with results, and the cache does not know. */
export interface OpenCells {
  /** Those that the notebooks have no more. */
  readonly orphaned: ReadonlySet<number>;
  /** Those that marimo does not run, each with a sentence why. */
  readonly disabled: ReadonlyMap<number, string>;
}

/** Cells to which the next run serves nothing, as their notebooks stand in editors. */
export function idleIn({ orphaned, disabled }: OpenCells): ReadonlySet<number> {
  return new Set([...orphaned, ...disabled.keys()]);
}

/** What speaks most against its being served. */
export function standingOf({ current, orphaned, obsolete, again, disabled }: Stand): Standing {
  if (obsolete) return 'obsolete';
  if (orphaned) return 'orphaned';
  if (!current) return 'outdated';
  if (disabled) return 'disabled';
  return again ? 'again' : 'current';
}

/** Whether the next run may spare what it took. */
export function savesTime(standing: Standing): boolean {
  return standing === 'current';
}

/** What a standing is called, and a sentence about a result that stands so. */
export function standingWords(standing: Standing): {
  readonly name: string;
  readonly sentence: string;
} {
  switch (standing) {
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
    case 'disabled':
      return {
        name: l10n.t('disabled'),
        sentence: l10n.t('Belongs to the cell as it last ran, which marimo does not run now.'),
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
        name: l10n.t('orphaned'),
        sentence: l10n.t('Its cell is no longer in the notebook. It is served if that comes back.'),
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
