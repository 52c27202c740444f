import { randomBytes } from 'node:crypto';
import type { Caches } from '../store/Caches';
import { databaseIn, findPlace } from '../store/settings/place';
import { Endpoint } from './Endpoint';
import { FolderCache } from './FolderCache';
import { projectOf } from './project';

/** By what kernels find an endpoint again: kept, so that those that run are served by the next one. */
export interface Door {
  readonly port: number;
  readonly token: string;
}

/** A folder of notebooks whose cache is served. */
export interface Served extends Door {
  readonly folder: string;
  /** marimo's `project_id`. */
  readonly project: string;
  /** Absolute path of the database. */
  readonly database: string;
  close(): Promise<void>;
}

/**
 * Serves the cache of a folder of notebooks, wherever that is, on a random port with a random token.
 * @param folder absolute path
 * @param former where it was served before; another port is taken if that one is not free.
 */
export async function serveFolder(
  caches: Caches,
  folder: string,
  former: Door | undefined,
  report: (error: unknown) => void,
): Promise<Served> {
  const database = databaseIn(await findPlace(folder));
  const project = projectOf(folder);
  const token = former?.token ?? randomBytes(32).toString('base64url');
  const projects = new Map([[project, new FolderCache(caches, folder, database)]]);
  const listen = (port: number) => Endpoint.listen({ port, token, projects, report });
  const endpoint = await listen(former?.port ?? 0).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return listen(0);
  });
  const { port } = endpoint;
  return { port, token, folder, project, database, close: () => endpoint.close() };
}
