import type { Access } from './Access';
import { Aside } from './blobs/Aside';
import { clear } from './entries/clearing';
import { Kept } from './database/Kept';
import { removeFiles, type LooseFile } from './blobs/removal';
import type { BroughtBack, Clearance, ClearTarget } from './rows';
import type { Tidying } from './Tidying';
import { bringBack } from './entries/undoing';

/** What went, and how it can be brought back. */
export interface UndoablyCleared {
  readonly clearance: Clearance;
  readonly undo: ClearUndo | undefined;
}

/** What one clear took, for as long as it can be brought back. */
export class ClearUndo {
  #placed: LooseFile[] = [];
  #forgotten: Promise<void> | undefined;

  private constructor(
    private readonly access: Access,
    private readonly tidying: Tidying,
    private readonly clearedAt: number,
    private readonly kept: Kept,
    private readonly aside: Aside,
    private readonly appIds: readonly number[],
  ) {}

  /**
   * Clears.
   * @param path the database as the user knows it
   * @param now tells the time of the clear, in Unix seconds, once it is its turn
   * @param generation which of the files at that path the targets are of
   * @returns without `undo` where it is more than is kept, or damaged
   */
  static async clear(
    access: Access,
    tidying: Tidying,
    path: string,
    targets: readonly ClearTarget[],
    now: () => number,
    generation?: string,
  ): Promise<UndoablyCleared> {
    const kept = await Kept.open();
    let undo: ClearUndo | undefined;
    try {
      return await access.write(async (writer, blobs) => {
        const at = now();
        const aside = new Aside(at);
        const done = await clear(writer, blobs, path, targets, at, { kept, aside });
        const { appIds } = done.leftovers;
        if (done.isKept) undo = new ClearUndo(access, tidying, at, kept, aside, appIds);
        tidying.add(done.leftovers);
        return { clearance: done.clearance, undo };
      }, generation);
    } finally {
      if (undo === undefined) await kept.close();
    }
  }

  /**
   * Brings back what was cleared: entries with all that hangs on them, as they were. What was computed
   * again meanwhile stays, and so does all that could not be brought back, for another try.
   * @throws CacheError, and nothing has changed
   */
  async bringBack(): Promise<BroughtBack> {
    const placed: LooseFile[] = [];
    let done: BroughtBack | undefined;
    try {
      done = await this.access.write(async (writer, blobs) => {
        await writer.attach(this.kept);
        return writer.transaction((connection) =>
          bringBack(connection, blobs, this.aside, this.clearedAt, placed),
        );
      });
    } finally {
      // Those that got no row: they stay in their place for another try, as a saver may refer to them by
      // now.
      if (done === undefined || done.lost > 0) this.#placed.push(...placed);
    }
    // Nodes that had not been needed before the clear came back with the others.
    this.tidying.add({ blobIds: [], appIds: this.appIds });
    return done;
  }

  /** Gives memory and disk space back. Doing so twice is harmless. */
  forget(): Promise<void> {
    return (this.#forgotten ??= this.#forget());
  }

  async #forget(): Promise<void> {
    await this.kept.close();
    await this.aside.discard();
    const placed = this.#placed;
    if (placed.length === 0) return;
    await this.access.write((writer, blobs) => removeFiles(writer, blobs, placed));
  }
}
