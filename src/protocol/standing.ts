/** How a result stands to its notebook; what the view and the preview say of it follows from this. */
export type Standing = 'current' | 'outdated' | 'orphaned' | 'obsolete';

export interface Stand {
  /** Whether it belongs to the cell as it last ran. */
  readonly current: boolean;
  /** Whether the cell is no longer in the notebook. */
  readonly orphaned: boolean;
  /** Whether the marimo that the notebook ran with last does not read it. */
  readonly obsolete: boolean;
}

/** What speaks most against its being served. */
export function standingOf({ current, orphaned, obsolete }: Stand): Standing {
  if (obsolete) return 'obsolete';
  if (orphaned) return 'orphaned';
  return current ? 'current' : 'outdated';
}

/** Whether the next run may spare what it took. */
export function savesTime(standing: Standing): boolean {
  return standing === 'current';
}
