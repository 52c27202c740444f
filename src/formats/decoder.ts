/**
 * The worker thread's side of `DecodingWorker`: one value at a time, one request after the other. A
 * request that is cancelled before its turn is never begun.
 */
import { parentPort } from 'node:worker_threads';
import { bytesSource, fileSource, type ByteSource } from './ByteSource';
import { DecodeError } from './DecodeError';
import { openValue } from './formats';
import type { Pause, Value } from './Value';
import type { FromThread, ToThread, ValueFormat, ValueSource } from './messages';

/** Milliseconds of work between two looks at the messages. */
const STRETCH = 15;

class Cancelled extends Error {}

class Decoder {
  readonly #post: (message: FromThread) => void;
  readonly #cancelled = new Set<number>();
  readonly #waiting = new Set<number>();
  #source: ByteSource | undefined;
  #value: Value | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(post: (message: FromThread) => void) {
    this.#post = post;
  }

  receive(message: ToThread): void {
    if (message.kind === 'cancel') {
      // An answer that has crossed with the cancellation leaves nothing to remember.
      if (this.#waiting.has(message.id)) this.#cancelled.add(message.id);
      return;
    }
    // Pages of the value before are wanted no longer, and would only hold the new one up.
    if (message.kind === 'open') for (const id of this.#waiting) this.#cancelled.add(id);
    this.#waiting.add(message.id);
    this.#last = this.#last.then(() => this.#answer(message));
  }

  async #answer(message: Exclude<ToThread, { kind: 'cancel' }>): Promise<void> {
    const { id } = message;
    try {
      const pause = this.#pauseOf(id);
      await pause();
      if (message.kind === 'open') {
        await this.#open(message.source, message.format, pause);
        this.#post({ kind: 'opened', id });
      } else {
        if (this.#value === undefined) throw new DecodeError('closed', 'No value is open.');
        this.#post({ kind: 'page', id, page: await this.#value.page(message.request, pause) });
      }
    } catch (error) {
      this.#post(error instanceof Cancelled ? { kind: 'cancelled', id } : failure(id, error));
    } finally {
      this.#waiting.delete(id);
      this.#cancelled.delete(id);
    }
  }

  async #open(from: ValueSource, format: ValueFormat, pause: Pause): Promise<void> {
    this.#value = undefined;
    this.#source?.close();
    this.#source = from.kind === 'file' ? fileSource(from.path) : bytesSource(from.bytes);
    this.#value = await openValue(this.#source, format, pause);
  }

  #pauseOf(id: number): Pause {
    let since = -Infinity;
    return async () => {
      if (performance.now() - since > STRETCH) {
        await new Promise((resolve) => setImmediate(resolve));
        since = performance.now();
      }
      if (this.#cancelled.has(id)) throw new Cancelled();
    };
  }
}

function failure(id: number, error: unknown): FromThread {
  if (error instanceof DecodeError) {
    return { kind: 'error', id, error: { kind: error.kind, message: error.message } };
  }
  if (error instanceof RangeError && /allocation|length/i.test(error.message)) {
    const message = 'Showing this value takes more memory than a preview may use.';
    return { kind: 'error', id, error: { kind: 'tooLarge', message } };
  }
  // What a decoder did not foresee comes from bytes that no writer of the format makes.
  const what = error instanceof Error ? error.message : String(error);
  const message = `The value is damaged in a way that cannot be told more precisely (${what}).`;
  return { kind: 'error', id, error: { kind: 'damaged', message } };
}

const port = parentPort;
if (port === null) throw new Error('The decoder runs in a worker thread only.');
const decoder = new Decoder((message) => {
  port.postMessage(message);
});
port.on('message', (message: ToThread) => {
  decoder.receive(message);
});
