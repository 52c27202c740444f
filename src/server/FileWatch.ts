import { look } from './ReadFiles';

/** Milliseconds between two looks. */
const lookEvery = 2000;
/** Files looked at for one notebook. */
const mostFiles = 200;

interface Watched {
  readonly files: readonly string[];
  /** What they looked like. */
  mark: Promise<string>;
}

/**
 * Notices when files change that the results of open notebooks were made from. It looks at their sizes
 * and times, since clients watch no files outside of their folders, and some watch none at all.
 */
export class FileWatch {
  readonly #watched = new Map<string, Watched>();
  #clock: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  /** @param changed is called with the URI of a notebook after files changed that it is watched for */
  constructor(private readonly changed: (uri: string) => void) {}

  /** @param files absolute paths, of folders too; none to watch the notebook no more */
  watch(uri: string, files: readonly string[]): void {
    const first = files.slice(0, mostFiles);
    const known = this.#watched.get(uri)?.files ?? [];
    if (first.length === known.length && first.every((file, at) => file === known[at])) return;
    if (first.length === 0) this.#watched.delete(uri);
    else this.#watched.set(uri, { files: first, mark: markOf(first) });
    if (this.#watched.size === 0) {
      clearInterval(this.#clock);
      this.#clock = undefined;
      return;
    }
    this.#clock ??= setInterval(() => {
      this.#looking ??= this.#lookAround().finally(() => {
        this.#looking = undefined;
      });
    }, lookEvery);
  }

  async close(): Promise<void> {
    clearInterval(this.#clock);
    this.#watched.clear();
    await this.#looking;
  }

  async #lookAround(): Promise<void> {
    for (const [uri, watched] of [...this.#watched]) {
      const before = await watched.mark;
      watched.mark = markOf(watched.files);
      const isSame = (await watched.mark) === before;
      if (!isSame && this.#watched.get(uri) === watched) this.changed(uri);
    }
  }
}

async function markOf(files: readonly string[]): Promise<string> {
  const looks = await Promise.all(files.map((file) => look(file, 'either').catch(() => 'unknown')));
  return JSON.stringify(looks);
}
