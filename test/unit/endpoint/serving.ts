import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Endpoint } from '../../../src/endpoint/Endpoint';
import { FolderCache } from '../../../src/endpoint/FolderCache';
import { Caches } from '../../../src/store/Caches';
import { audit } from '../store/audit';
import { atEnd, makeFolder } from '../store/cacheFolder';

export const token = 'a token that nobody guesses';

/** An endpoint that serves the cache of one folder as the project `p`, and what it was told of faults. */
export interface Serving {
  readonly folder: string;
  readonly database: string;
  readonly caches: Caches;
  readonly endpoint: Endpoint;
  readonly reports: unknown[];
  /** Asks as marimo does, on a connection of its own. */
  readonly ask: (
    method: string,
    key: string,
    options?: {
      body?: Uint8Array | ReadableStream<Uint8Array>;
      authorization?: string | null;
    },
  ) => Promise<Response>;
}

/**
 * Serves the folder of notebooks `folder`, which is made where none is given, until the test ends.
 * @param allowed faults that the test makes itself, as the store's own check tells them.
 */
export async function serve(
  t: TestContext,
  {
    folder,
    database,
    audited = true,
    allowed = [],
  }: { folder?: string; database?: string; audited?: boolean; allowed?: RegExp[] } = {},
): Promise<Serving> {
  const notebooks = folder ?? (await makeFolder(t));
  const file = database ?? join(notebooks, '__marimo__', 'cache', 'cache.db');
  const caches = new Caches();
  const reports: unknown[] = [];
  const projects = new Map([['p', new FolderCache(caches, notebooks, file)]]);
  const report = (error: unknown) => reports.push(error);
  const endpoint = await Endpoint.listen({ port: 0, token, projects, report });
  const { port } = endpoint;
  atEnd(t, async () => {
    await endpoint.close();
    await caches.close();
    if (audited) await audit(file, allowed);
  });
  return {
    folder: notebooks,
    database: file,
    caches,
    endpoint,
    reports,
    ask: (method, key, { body, authorization = `Bearer ${token}` } = {}) =>
      fetch(`http://127.0.0.1:${port}/p/${key}`, {
        method,
        headers: {
          'User-Agent': 'marimo/0.25.2',
          Connection: 'close',
          ...(authorization === null ? {} : { Authorization: authorization }),
        },
        ...(body === undefined ? {} : { body, duplex: 'half' }),
      }),
  };
}

/** The bytes of an answer, or its status when it is none. */
export async function bytesOf(answer: Promise<Response>): Promise<Buffer | number> {
  const response = await answer;
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.status === 200 ? bytes : response.status;
}

export async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
}
