import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isOnAnotherHost } from '../../store/settings/hosts';
import {
  databaseIn,
  findPlace,
  isWithin,
  type Place,
  type System,
} from '../../store/settings/place';
import type { FolderNode } from './nodes';

/** What was found in the workspace. Paths are absolute. */
export interface Found {
  readonly folders: readonly FolderNode[];
  /** Databases, once for each workspace folder that has a part in them. */
  readonly databases: readonly FoundDatabase[];
  /** Where a database that was damaged is set aside, and none has taken its place: the path that it had. */
  readonly gone: readonly FoundPath[];
  /** Folders with marimo's file cache and no database. */
  readonly files: readonly FoundPath[];
}

export interface FoundPath {
  readonly path: string;
  /** Path of the workspace folder that it belongs to. */
  readonly folder: string;
}

export interface FoundDatabase extends FoundPath {
  /**
   * Whether a setting put it where it is, instead of its lying in the workspace: then it may hold
   * notebooks of other folders too, and those are not shown here.
   */
  readonly chosen: boolean;
}

/** Whether a notebook is to be shown where a database of it was found. */
export function belongs(
  notebook: string,
  { chosen, folder }: FoundDatabase,
  folders: readonly FolderNode[],
): boolean {
  return !chosen || innermost(notebook, folders) === folder;
}

/** Whether a notebook's file is there: of one on another host than its database it is taken for granted. */
export async function isThere(notebook: string, database: string): Promise<boolean> {
  if (isOnAnotherHost(notebook, database)) return true;
  const file = await stat(notebook).catch(() => undefined);
  return file?.isFile() === true;
}

/** Places that are asked for once: a scan meets the same folders again and again. */
export class Places {
  private readonly places = new Map<string, Promise<Place>>();

  constructor(private readonly system?: System) {}

  /** @param folder absolute path of the folder that notebooks are in */
  of(folder: string): Promise<Place> {
    let place = this.places.get(folder);
    if (place === undefined) {
      place = findPlace(folder, this.system);
      this.places.set(folder, place);
    }
    return place;
  }
}

/**
 * The databases that settings choose for the notebooks of a workspace, whether or not they are there.
 * @param projects the folders in it that have settings of their own
 */
export async function chosenDatabases(
  folders: readonly FolderNode[],
  projects: readonly string[],
  places: Places,
): Promise<FoundDatabase[]> {
  const chosen = new Map<string, FoundDatabase>();
  for (const directory of new Set([...folders.map((folder) => folder.path), ...projects])) {
    const folder = innermost(directory, folders);
    const place = await places.of(directory);
    if (folder === undefined || place.source === 'default') continue;
    const database = { path: databaseIn(place), folder, chosen: true };
    chosen.set(JSON.stringify([database.path, folder]), database);
  }
  return [...chosen.values()];
}

/** Of marimo's cache folders in the workspace, those whose notebooks have no database elsewhere. */
export async function withoutDatabase(
  files: readonly FoundPath[],
  there: ReadonlySet<string>,
  places: Places,
): Promise<FoundPath[]> {
  const kept = await Promise.all(
    files.map(async (found) => {
      const place = await places.of(path.dirname(path.dirname(found.path)));
      return there.has(databaseIn(place)) ? [] : [found];
    }),
  );
  return kept.flat();
}

/** Workspace folders may lie within one another. */
export function innermost(file: string, folders: readonly FolderNode[]): string | undefined {
  return folders
    .map((folder) => folder.path)
    .filter((folder) => file === folder || isWithin(file, folder))
    .sort((a, b) => b.length - a.length)[0];
}
