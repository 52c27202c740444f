import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from '../store/database/CacheError';
import type { FolderCache, Found, Put } from './FolderCache';

/** Bytes of one value; marimo itself has all of them in memory at once. */
const bodyLimit = 4 * 2 ** 30;
/** Characters of a project and key as they stand in the address. */
const addressLimit = 2048;
/** Milliseconds after which a connection on which nothing moves is given up. */
const idle = 60_000;
/** Milliseconds that requests under way have when the endpoint closes. */
const farewell = 2_000;

/** What whoever asks without the token is told, by which an endpoint is known for one. */
export const challenge = 'Bearer realm="cellar"';

export interface EndpointOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** What a request proves that it may ask with. */
  readonly token: string;
  /** The caches that are served, by `project_id`. */
  readonly projects: ReadonlyMap<string, FolderCache>;
  /** Called with faults: whoever asked has learnt only that there is nothing, or nothing was saved. */
  readonly report: (error: unknown) => void;
}

/**
 * Serves caches to kernels that cannot open their files, on loopback and nowhere else. It speaks what
 * marimo's own `RestStore` does (marimo/_save/stores/rest.py): GET, HEAD and PUT of
 * `/{project_id}/{key}` with a bearer token. There a status in the four hundreds is a miss, any other
 * failure is a warning and a miss, and a PUT that fails is a warning and a run that goes on.
 */
export class Endpoint {
  readonly #server: Server;
  readonly #options: EndpointOptions;
  readonly #token: Buffer;
  #closed: Promise<void> | undefined;

  /** @throws when the port cannot be listened on. */
  static async listen(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    endpoint.#server.listen({ host: '127.0.0.1', port: options.port, exclusive: true });
    await once(endpoint.#server, 'listening');
    endpoint.#server.on('error', options.report);
    return endpoint;
  }

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#token = digestOf(options.token);
    // No limit on how long a request may take as a whole: large values take their time. One that
    // stands still is given up.
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 10_000 });
    this.#server.setTimeout(idle);
    this.#server.maxConnections = 256;
    this.#server.on('request', (request, response) => {
      void this.#answer(request, response);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets requests under way come to their end, but not for long. Calling it twice is harmless. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      const closed = once(this.#server, 'close');
      this.#server.close();
      this.#server.closeIdleConnections();
      await Promise.race([closed, sleep(farewell, undefined, { ref: false })]);
      this.#server.closeAllConnections();
      for (const project of this.#options.projects.values()) {
        await project.close().catch(this.#options.report);
      }
    })();
    return this.#closed;
  }

  /** Every request gets an answer, whatever happens here. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => {
      gone.abort();
    });
    try {
      await this.#respond(request, response, gone.signal);
    } catch (error) {
      // Whoever asked has gone away: nobody is left to tell.
      if (gone.signal.aborted || request.errored) return;
      if (!(error instanceof TooLarge)) this.#options.report(error);
      end(response, statusOf(error));
    }
  }

  async #respond(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.#mayAsk(request)) {
      response.setHeader('WWW-Authenticate', challenge);
      end(response, 401);
      return;
    }
    const address = readAddress(request.url ?? '');
    const project = address && this.#options.projects.get(address.project);
    if (address === undefined || project === undefined) {
      end(response, 404);
      return;
    }
    const { method } = request;
    if (method === 'GET') {
      await send(response, await project.get(address.key, signal));
    } else if (method === 'HEAD') {
      end(response, (await project.has(address.key)) ? 200 : 404);
    } else if (method === 'PUT') {
      const put = await project.put(address.key, bodyOf(request), versionsOf(request));
      end(response, statusOfPut(put));
    } else {
      response.setHeader('Allow', 'GET, HEAD, PUT');
      end(response, 405);
    }
  }

  /** Compares digests, so that the time it takes says nothing of the token, its length included. */
  #mayAsk({ headers }: IncomingMessage): boolean {
    const [, given] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(digestOf(given), this.#token);
  }
}

/** The body is larger than any value may be. */
class TooLarge extends Error {}

/** What is asked for; `undefined` for what no store of marimo's would send. */
function readAddress(url: string): { project: string; key: string } | undefined {
  if (url.length > addressLimit) return undefined;
  let text: string;
  try {
    text = decodeURIComponent(url);
  } catch {
    return undefined;
  }
  // marimo joins some keys by the separator of the system that its kernel runs on.
  const [before, project, ...names] = text.replaceAll('\\', '/').split('/');
  const isPlain = (name: string) =>
    name !== '' && name !== '.' && name !== '..' && !/[\p{Cc}?#]/u.test(name);
  if (before !== '' || project === undefined || names.length === 0) return undefined;
  return names.every(isPlain) ? { project, key: names.join('/') } : undefined;
}

/** A body in pieces, none of which is kept. @throws TooLarge */
async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw new TooLarge();
  let size = 0;
  // The request is left whole, so that there is somebody to answer.
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    const bytes = piece as Buffer;
    size += bytes.byteLength;
    if (size > bodyLimit) throw new TooLarge();
    yield bytes;
  }
}

/** marimo says which it is: `User-Agent: marimo/0.25.2`. */
function versionsOf({ headers }: IncomingMessage): { marimo?: string } {
  const [, marimo] = /^marimo\/([\w.+-]{1,40})$/.exec(headers['user-agent'] ?? '') ?? [];
  return marimo === undefined ? {} : { marimo };
}

async function send(response: ServerResponse, found: Found | undefined): Promise<void> {
  switch (found?.kind) {
    case undefined:
      end(response, 404);
      return;
    case 'bytes':
      response.writeHead(200, headersFor(found.bytes.byteLength)).end(found.bytes);
      return;
    case 'file':
      response.writeHead(200, headersFor(found.size));
      // The stream closes the file, whatever comes of it.
      await pipeline(found.file.createReadStream(), response);
  }
}

function headersFor(size: number): Record<string, string | number> {
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Length': size,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  };
}

/** Ends a response without a body; one whose body has begun can only be cut off. */
function end(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of a body that was refused is not waited for.
  if (status >= 400) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Length': 0 }).end();
}

function statusOfPut(put: Put): number {
  if (put.kind === 'saved') return 200;
  switch (put.why) {
    case 'tooLarge':
      return 413;
    case 'incomplete':
    case 'noManifest':
      return 422;
  }
}

function statusOf(error: unknown): number {
  if (error instanceof TooLarge) return 413;
  if (!(error instanceof CacheError)) return 500;
  switch (error.kind) {
    case 'full':
      return 507;
    case 'readOnly':
      return 403;
    case 'busy':
    case 'closed':
      return 503;
    case 'missing':
    case 'notADatabase':
    case 'foreign':
    case 'newer':
    case 'damaged':
    case 'unreadable':
    case 'unsupported':
      return 500;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
