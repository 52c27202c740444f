/**
 * Decodes values in a worker thread, so that neither a large file nor a hostile one holds up or takes
 * down the extension host. Every request settles: with a reply, an error, or the signal's reason.
 */
import { Worker } from 'node:worker_threads';
import type { Page, PageRequest } from '../protocol/pages';
import { DecodeError } from './DecodeError';
import type { FromThread, ToThread, ValueFormat, ValueSource } from './messages';

export type { ValueFormat, ValueSource } from './messages';

export interface DecodingWorkerOptions {
  /**
   * Milliseconds that a cancelled request may still run before its thread is ended. Decoding looks for
   * a cancellation between columns, but one column of a large batch may take seconds.
   */
  readonly graceMs?: number;
  /** Megabytes that the thread's JavaScript heap may take. Typed arrays are limited by the decoders. */
  readonly heapMb?: number;
}

interface Pending {
  readonly resolve: (page: Page | undefined) => void;
  readonly reject: (reason: Error) => void;
}

/** One value at a time: opening another one closes the one before, and rejects its open requests. */
export class DecodingWorker {
  readonly #file: string;
  readonly #graceMs: number;
  readonly #heapMb: number;
  #opened: { readonly source: ValueSource; readonly format: ValueFormat } | undefined;
  #thread: DecoderThread | undefined;
  #closed = false;

  /** @param file the bundled `decoder.js`; it is started when the first value is opened. */
  constructor(file: string, { graceMs = 1000, heapMb = 512 }: DecodingWorkerOptions = {}) {
    this.#file = file;
    this.#graceMs = graceMs;
    this.#heapMb = heapMb;
  }

  /**
   * Opens a value and reads as much of it as says what it is: an Arrow file's footer, an array's
   * header. Bytes are copied to the thread.
   * @throws {DecodeError} when it is damaged, unsupported or unreadable; `signal.reason` on abort
   */
  async open(source: ValueSource, format: ValueFormat, signal?: AbortSignal): Promise<void> {
    if (this.#closed) throw new DecodeError('closed', 'This preview is closed.');
    signal?.throwIfAborted();
    this.#opened = { source, format };
    const thread = this.#start();
    await thread.request((id) => ({ kind: 'open', id, source, format }), signal);
  }

  /**
   * A page of the open value. After a crash the next call starts a new thread and opens the value
   * again.
   * @throws {DecodeError} when the page cannot be decoded; `signal.reason` on abort
   */
  async page(request: PageRequest, signal?: AbortSignal): Promise<Page> {
    if (this.#closed) throw new DecodeError('closed', 'This preview is closed.');
    if (this.#opened === undefined) throw new DecodeError('closed', 'No value is open.');
    signal?.throwIfAborted();
    if (this.#thread === undefined) {
      const { source, format } = this.#opened;
      await this.open(source, format, signal);
    }
    const page = await this.#start().request((id) => ({ kind: 'page', id, request }), signal);
    if (page === undefined) throw new DecodeError('crashed', 'The decoder gave no page.');
    return page;
  }

  /** Ends the thread. What is still asked for is rejected; closing twice is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#opened = undefined;
    await this.#thread?.end(new DecodeError('closed', 'This preview is closed.'));
  }

  #start(): DecoderThread {
    if (this.#thread !== undefined) return this.#thread;
    const thread = new DecoderThread(this.#file, this.#graceMs, this.#heapMb, () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
    return thread;
  }
}

/** One life of a worker thread, and what was asked of it. */
class DecoderThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #graceMs: number;
  readonly #onEnd: () => void;
  #lastId = 0;

  constructor(file: string, graceMs: number, heapMb: number, onEnd: () => void) {
    this.#graceMs = graceMs;
    this.#onEnd = onEnd;
    this.#worker = new Worker(file, {
      name: 'Cellar decoder',
      // Neither the host's flags nor its environment are of any use in there.
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.#worker.on('message', (message: FromThread) => {
      this.#settle(message);
    });
    this.#worker.on('messageerror', (error) => {
      void this.end(
        new DecodeError('crashed', 'The decoder gave no readable answer.', { cause: error }),
      );
    });
    this.#worker.on('error', (error) => {
      this.#lose(crashed(error));
    });
    this.#worker.on('exit', (code) => {
      this.#lose(new DecodeError('crashed', `The decoder ended unexpectedly (code ${code}).`));
    });
  }

  request(message: (id: number) => ToThread, signal?: AbortSignal): Promise<Page | undefined> {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        // The caller is free at once. The thread keeps an entry, so that the timer can tell whether
        // it has stopped.
        reject(reasonOf(signal));
        this.#post({ kind: 'cancel', id });
        const timer = setTimeout(() => {
          void this.end(new DecodeError('crashed', 'The decoder was ended by a cancellation.'));
        }, this.#graceMs);
        const stop = (): void => {
          clearTimeout(timer);
        };
        this.#pending.set(id, { resolve: stop, reject: stop });
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const forget = (): void => {
        signal?.removeEventListener('abort', onAbort);
      };
      this.#pending.set(id, {
        resolve: (page) => {
          forget();
          resolve(page);
        },
        reject: (reason) => {
          forget();
          reject(reason);
        },
      });
      this.#post(message(id));
    });
  }

  async end(reason: DecodeError): Promise<void> {
    this.#lose(reason);
    await this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #settle(message: FromThread): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    switch (message.kind) {
      case 'opened':
        pending?.resolve(undefined);
        break;
      case 'page':
        pending?.resolve(message.page);
        break;
      case 'cancelled':
        pending?.reject(new DecodeError('closed', 'Another value was opened.'));
        break;
      case 'error':
        pending?.reject(new DecodeError(message.error.kind, message.error.message));
        break;
      default:
        message satisfies never;
    }
  }

  /** Rejects all that is still asked for: no answer will come any more. */
  #lose(reason: DecodeError): void {
    this.#onEnd();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

/** What the caller gave to `abort()`, or the standard error where it gave none. */
function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('The request was cancelled.');
}

function crashed(error: Error & { code?: string }): DecodeError {
  return error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new DecodeError('tooLarge', 'Showing this value takes more memory than a preview may use.', {
        cause: error,
      })
    : new DecodeError('crashed', `The decoder failed: ${error.message}`, { cause: error });
}
