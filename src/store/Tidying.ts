import type { Access } from './Access';
import { listUnneededNodes, removeNodes } from './entries/nodes';
import { removeUnusedRows } from './blobs/removal';
import type { Leftovers } from './rows';
import type { Writer } from './database/Writer';

/**
 * Removes what clearances leave over, and gives the disk its space back, in transactions of some
 * milliseconds. It makes way for whoever waits to change something, and goes on behind them.
 */
export class Tidying {
  #blobIds: readonly number[] = [];
  #appIds: readonly number[] = [];
  /** Whether its next turn is asked for. */
  #isDue = false;

  /** @param report is told of faults: the entries are gone, and their space is given back the next time */
  constructor(
    private readonly access: Access,
    private readonly report: (error: unknown) => void,
  ) {}

  add({ blobIds, appIds }: Leftovers): void {
    this.#blobIds = [...this.#blobIds, ...blobIds];
    this.#appIds = [...new Set([...this.#appIds, ...appIds])];
    this.#goOnBehindOthers();
  }

  #goOnBehindOthers(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.access
      .write((writer) => {
        this.#isDue = false;
        return this.#tidy(writer);
      })
      .catch(this.report);
  }

  async #tidy(writer: Writer): Promise<void> {
    const goOn = () => !this.access.isWaitedFor;
    const blobIds = this.#blobIds;
    for await (const { done } of writer.inPieces(blobIds, removeUnusedRows, goOn)) {
      this.#blobIds = blobIds.slice(done);
    }
    while (this.#appIds.length > 0 && goOn()) {
      const [appId = 0, ...others] = this.#appIds;
      await writer.transaction(async (connection) =>
        removeNodes(connection, await listUnneededNodes(connection, appId)),
      );
      this.#appIds = others;
    }
    await writer.shrink(goOn);
    if (!goOn()) this.#goOnBehindOthers();
  }
}
