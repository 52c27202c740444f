import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { contentMark } from '../../store/database/opening';
import {
  databaseIn,
  findPlace,
  projectFile,
  thisSystem,
  userFile,
} from '../../store/settings/place';
import type { Disposable } from '../../store/database/Watcher';
import { chosenDatabases, type Found, type FoundPath, Places, withoutDatabase } from './found';
import type { FolderNode } from './nodes';
import { usualDatabases } from './usualDatabases';
import type { WorkspaceWatcher } from './WorkspaceWatcher';

const databases = '**/__marimo__/cache/cache.db';
/** Those that were damaged. */
const setAside = '**/__marimo__/cache/cache.db.damaged-*';
/** What marimo's own file store leaves: manifests of cells, and values of persistent caches. */
const storedFiles = '**/__marimo__/cache/*/*.{jsonl,pickle}';
/** All that it may hold entries in; too many files to look for at each scan. */
const storedEntries = '**/__marimo__/cache/*/*.{jsonl,pickle,json}';
/** One folder may hold thousands of those, and one is enough to know. */
const mostStoredFiles = 2000;
/** Projects may say where their caches are; those of installed packages have none. */
const projectFiles = `**/${projectFile}`;
/** Packages are not the user's own files. */
export const installed = '**/{node_modules,site-packages}/**';
const mostProjects = 1000;

/**
 * Finds the caches of the workspace, in it and where settings put them. Excludes do not apply
 * (`null`), and `findFiles` looks into what Git ignores: a cache folder carries a `.gitignore` of its
 * own.
 */
export class Discovery implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** {@link scan} may find something else now. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: Disposable[] = [this.changed];
  private known = new Set<string>();

  constructor(private readonly watcher: WorkspaceWatcher) {
    const files = vscode.workspace.createFileSystemWatcher(storedFiles, false, true, true);
    const ownSettings = vscode.Uri.file(userFile(thisSystem()));
    const settings = [
      projectFiles,
      new vscode.RelativePattern(
        vscode.Uri.joinPath(ownSettings, '..'),
        path.basename(ownSettings.fsPath),
      ),
    ].map((pattern) => vscode.workspace.createFileSystemWatcher(pattern));
    this.disposables.push(
      files,
      files.onDidCreate(({ fsPath }) => {
        // A kernel that fills a folder we know of makes no news.
        if (!this.known.has(cacheFolderOf(fsPath))) this.changed.fire();
      }),
      ...settings,
      ...settings
        .flatMap((each) => [each.onDidCreate, each.onDidChange, each.onDidDelete])
        .map((event) =>
          event(() => {
            this.changed.fire();
          }),
        ),
      watcher.onDidChangeDatabases(() => {
        this.changed.fire();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.changed.fire();
      }),
    );
  }

  /**
   * What can be told of the workspace at once: VS Code takes a tenth of a second and more to search it.
   * @returns a part of what {@link scan} finds, most often all of it
   */
  async glance(): Promise<Found> {
    const folders = workspaceFolders();
    const databases = (await usualDatabases(folders.map((folder) => folder.path)))
      .flatMap(inFolder)
      .map((database) => ({ ...database, chosen: false }));
    return { folders, databases, gone: [], files: [] };
  }

  async scan(): Promise<Found> {
    const folders = workspaceFolders();
    const [found, aside, stored, projects] = await Promise.all([
      vscode.workspace.findFiles(databases, null),
      vscode.workspace.findFiles(setAside, null),
      vscode.workspace.findFiles(storedFiles, null, mostStoredFiles),
      vscode.workspace.findFiles(projectFiles, installed, mostProjects),
    ]);
    const databaseFolders = new Set(found.map(({ fsPath }) => path.dirname(fsPath)));
    const fileFolders = new Set(stored.map(({ fsPath }) => cacheFolderOf(fsPath)));
    this.known = new Set([...databaseFolders, ...fileFolders]);
    const places = new Places();
    const chosen = await chosenDatabases(
      folders,
      projects.map(({ fsPath }) => path.dirname(fsPath)),
      places,
    );
    await this.watcher.follow(chosen.map((database) => database.path));
    const inWorkspace = unique(found.map(({ fsPath }) => fsPath))
      .flatMap(inFolder)
      .map((database) => ({ ...database, chosen: false }));
    const listed = new Set(inWorkspace.map((database) => database.path));
    const elsewhere = await existing(chosen.filter((database) => !listed.has(database.path)));
    const there = new Set(elsewhere.map((database) => database.path));
    const gone = [
      ...unique(aside.map(({ fsPath }) => databaseIn({ folder: path.dirname(fsPath) }))).flatMap(
        inFolder,
      ),
      ...chosen,
    ].filter((database) => !listed.has(database.path) && !there.has(database.path));
    const files = await withoutDatabase(
      [...fileFolders].filter((folder) => !databaseFolders.has(folder)).flatMap(inFolder),
      there,
      places,
    );
    return { folders, databases: [...inWorkspace, ...elsewhere], gone, files };
  }

  /** The folders that settings are looked for in: those of the workspace, and their projects. */
  async settingFolders(): Promise<string[]> {
    const projects = await vscode.workspace.findFiles(projectFiles, installed, mostProjects);
    const folders = workspaceFolders().map((folder) => folder.path);
    return unique([...folders, ...projects.map(({ fsPath }) => path.dirname(fsPath))]);
  }

  /** Every folder of marimo's own file cache in the workspace, with and without a database. */
  async fileCaches(): Promise<string[]> {
    const found = await vscode.workspace.findFiles(storedEntries, null);
    return unique(found.map(({ fsPath }) => cacheFolderOf(fsPath)));
  }

  /**
   * The databases that notebooks at the top of the workspace, or open ones, would have. It costs a
   * look into the settings.
   */
  async likely(): Promise<string[]> {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    const open = vscode.workspace.textDocuments
      .filter(({ uri, languageId }) => uri.scheme === 'file' && languageId === 'python')
      .map(({ uri }) => path.dirname(uri.fsPath));
    const places = await Promise.all(unique([...folders, ...open]).map((each) => findPlace(each)));
    return unique(places.map(databaseIn));
  }

  /**
   * What those look like from outside: another text once one of them appears or is written. It costs
   * a few `stat` calls more.
   */
  async glimpse(): Promise<string> {
    return (await Promise.all((await this.likely()).map(contentMark))).join('\n');
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function workspaceFolders(): FolderNode[] {
  return (vscode.workspace.workspaceFolders ?? []).map(({ name, uri }) => ({
    kind: 'folder',
    name,
    path: uri.fsPath,
  }));
}

function inFolder(file: string): FoundPath[] {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file));
  return folder === undefined ? [] : [{ path: file, folder: folder.uri.fsPath }];
}

async function existing<T extends FoundPath>(found: readonly T[]): Promise<T[]> {
  const kept = await Promise.all(
    found.map((each) =>
      stat(each.path).then(
        () => [each],
        () => [],
      ),
    ),
  );
  return kept.flat();
}

function cacheFolderOf(stored: string): string {
  return path.dirname(path.dirname(stored));
}

/** Nested workspace folders find a file twice. */
function unique(paths: string[]): string[] {
  return [...new Set(paths)].sort();
}
