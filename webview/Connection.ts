import type { Page } from '../src/protocol/pages';
import { parseToPage } from '../src/protocol/preview';
import type { Command, Problem, ToHost, ToPage, WantedPage } from '../src/protocol/preview';

/** The part of VS Code that a page can reach. */
export interface VsCode {
  postMessage(message: ToHost): void;
  getState(): unknown;
  setState(state: unknown): void;
}

/** The host could not give a page; `problem` says why, for the user. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** The user cancelled the request, or it was no longer needed. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

interface Pending {
  readonly resolve: (page: Page) => void;
  readonly reject: (error: Error) => void;
}

/** What the host tells without having been asked. */
export type Announcement = Exclude<ToPage, { readonly request: number }>;

/** The line to the host: messages both ways, and requests that each settle. */
export class Connection {
  readonly #pending = new Map<number, Pending>();
  #lastRequest = 0;

  constructor(
    readonly vscode: VsCode,
    onAnnouncement: (message: Announcement) => void,
  ) {
    window.addEventListener('message', (event: MessageEvent<unknown>) => {
      const message = parseToPage(event.data);
      switch (message.type) {
        case 'page':
          this.#take(message.request)?.resolve(message.page);
          break;
        case 'failed':
          this.#take(message.request)?.reject(new Refused(message.problem));
          break;
        case 'cancelled':
          this.#take(message.request)?.reject(new Cancelled());
          break;
        case 'begin':
        case 'entry':
        case 'select':
        case 'unavailable':
          onAnnouncement(message);
      }
    });
    vscode.postMessage({ type: 'ready' });
  }

  /**
   * @throws {Refused} when it cannot be shown
   * @throws {Cancelled} as soon as `signal` is aborted: nobody waits for the host to stop
   */
  page(wanted: WantedPage, signal: AbortSignal): Promise<Page> {
    const request = (this.#lastRequest += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      signal.addEventListener(
        'abort',
        () => {
          if (this.#take(request) === undefined) return;
          this.vscode.postMessage({ type: 'cancel', request });
          reject(new Cancelled());
        },
        { once: true },
      );
      this.vscode.postMessage({ type: 'page', request, ...wanted });
    });
  }

  /** Says that a value is shown that the host had selected. */
  selected(key: string): void {
    this.vscode.postMessage({ type: 'selected', key });
  }

  command(command: Command): void {
    this.vscode.postMessage({ type: 'command', command });
  }

  #take(request: number): Pending | undefined {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    return pending;
  }
}
