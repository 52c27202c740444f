import { dirname, join } from 'node:path';
import type { DecodingWorker } from '../formats/DecodingWorker';
import type { ValueSource } from '../formats/messages';
import type { Page } from '../protocol/pages';
import type { Check, Problem, WantedPage } from '../protocol/preview';
import type { ItemSummary, Lost } from '../store/rows';
import type { SqliteLoader } from '../store/SqliteLoader';
import { LostValue, problemOf } from './problemOf';

/** What a reader needs of the loader. */
export type ValueLoader = Pick<SqliteLoader, 'path' | 'item' | 'values'>;

/** What a reader needs of the decoder. */
export type Decoder = Pick<DecodingWorker, 'open' | 'page' | 'close'>;

export interface EntryReaderOptions {
  /** Bytes that a record batch may take before the user is asked. Asked anew for each page. */
  readonly maxBatchSize: () => number;
  /** Whether wrong bytes may be set aside: only where the workspace is trusted. */
  readonly mayQuarantine: () => boolean;
  /** Called when more is known of a value's bytes. */
  readonly onCheck: () => void;
  readonly report: (error: unknown) => void;
}

/** A value that was found, and the file to name when something is wrong with it. */
interface Value {
  readonly item: ItemSummary;
  readonly source: ValueSource;
  readonly place: string;
}

/**
 * Reads an entry's values page by page. The decoder holds one value open at a time, so pages are read
 * one after the other, in the order in which they were asked for; who no longer wants one is free at
 * once.
 *
 * Bytes in a row are read whole, and so verified at once. A file is read by range; once its first page
 * is there, all of it is verified in the background.
 */
export class EntryReader {
  readonly #loader: ValueLoader;
  readonly #entryId: number;
  readonly #decoder: Decoder;
  readonly #options: EntryReaderOptions;
  readonly #checks = new Map<string, Check>();
  readonly #closing = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #opened: Value | undefined;

  constructor(loader: ValueLoader, entryId: number, decoder: Decoder, options: EntryReaderOptions) {
    this.#loader = loader;
    this.#entryId = entryId;
    this.#decoder = decoder;
    this.#options = options;
  }

  /** What is known of each value's bytes, by key; nothing of one that has not been read. */
  get checks(): ReadonlyMap<string, Check> {
    return this.#checks;
  }

  /**
   * @throws {Unshowable} with what the user is told; `signal.reason` on abort
   */
  page(wanted: WantedPage, signal: AbortSignal): Promise<Page> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const page = this.#turn.then(() => this.#read(wanted, either));
    this.#turn = page.catch(() => undefined);
    return page;
  }

  /** Stops what is under way. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#decoder.close();
  }

  async #read(wanted: WantedPage, signal: AbortSignal): Promise<Page> {
    signal.throwIfAborted();
    let value = this.#opened?.item.key === wanted.key ? this.#opened : undefined;
    try {
      if (value === undefined) {
        this.#opened = undefined;
        value = await this.#find(wanted.key);
        await this.#decoder.open(value.source, value.item.format, signal);
        this.#opened = value;
      }
      const { from, count, fromColumn, allowCostly } = wanted;
      const maxBatchSize = this.#options.maxBatchSize();
      return await this.#decoder.page(
        { from, count, fromColumn, allowCostly, maxBatchSize },
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      this.#options.report(error);
      const place = value?.place ?? this.#loader.path;
      throw new Unshowable(problemOf(error, place), { cause: error });
    } finally {
      // Also what no decoder understood: its bytes may be exactly those that were saved.
      if (value?.source.kind === 'file' && !signal.aborted) {
        void this.#verify(value.item, value.place);
      }
    }
  }

  async #find(key: string): Promise<Value> {
    const item = await this.#loader.item(this.#entryId, key);
    if (item === undefined) throw new LostValue('cleared', this.#loader.path);
    const source = await this.#sourceOf(item);
    return { item, source, place: source.kind === 'file' ? source.path : this.#loader.path };
  }

  async #sourceOf(item: ItemSummary): Promise<ValueSource> {
    const read =
      item.file === undefined
        ? await this.#loader.values.inline(item)
        : await this.#loader.values.file(item);
    if (read.kind === 'lost') {
      const lost = new LostValue(read.why, this.#fileOf(item));
      this.#learn(item.key, damage(read, lost));
      throw lost;
    }
    if (read.kind === 'file') return { kind: 'file', path: read.path };
    this.#learn(item.key, { kind: 'verified' });
    return { kind: 'bytes', bytes: read.bytes };
  }

  /** Where a value's bytes should be. For people: it is never opened. */
  #fileOf({ file }: ItemSummary): string {
    const { path } = this.#loader;
    return file === undefined ? path : join(dirname(path), 'blobs', file);
  }

  /** Verifies all bytes of a file, once. Nobody waits for it. */
  async #verify(item: ItemSummary, place: string): Promise<void> {
    const { key } = item;
    const known = this.#checks.get(key)?.kind ?? 'unread';
    if (known !== 'unread' && known !== 'unverified') return;
    this.#learn(key, { kind: 'checking' });
    try {
      const result = await this.#loader.values.verify(item, {
        quarantine: this.#options.mayQuarantine(),
        signal: this.#closing.signal,
      });
      this.#learn(
        key,
        result.kind === 'right'
          ? { kind: 'verified' }
          : damage(result, new LostValue(result.why, place)),
      );
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#options.report(error);
      this.#learn(key, { kind: 'unverified' });
    }
  }

  #learn(key: string, check: Check): void {
    this.#checks.set(key, check);
    this.#options.onCheck();
  }
}

/** A page cannot be shown; `problem` is what the user is told. */
export class Unshowable extends Error {
  override readonly name = 'Unshowable';

  constructor(
    readonly problem: Problem,
    options?: ErrorOptions,
  ) {
    super(problem.message, options);
  }
}

/** What was cleared meanwhile is not damaged: nothing was read that could be wrong. */
function damage({ why }: Lost, lost: LostValue): Check {
  return why === 'cleared'
    ? { kind: 'unread' }
    : { kind: 'damaged', problem: problemOf(lost, lost.file) };
}
