import path from 'node:path';
import * as vscode from 'vscode';
import type { Disposable } from '../store/Watcher';
import type { Found, FoundPath } from './CellTree';

const databases = '**/__marimo__/cache/cache.db';
/** What marimo's own file store leaves: manifests of cells, and values of persistent caches. */
const storedFiles = '**/__marimo__/cache/*/*.{jsonl,pickle}';
/** One folder may hold thousands of those, and one is enough to know. */
const mostStoredFiles = 2000;

/**
 * Finds the caches of the workspace. Excludes do not apply (`null`), and `findFiles` looks into what
 * Git ignores: a cache folder carries a `.gitignore` of its own.
 */
export class Discovery implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** {@link scan} may find something else now. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: Disposable[] = [this.changed];
  private known = new Set<string>();

  constructor(onDidChangeDatabases: vscode.Event<void>) {
    const files = vscode.workspace.createFileSystemWatcher(storedFiles, false, true, true);
    this.disposables.push(
      files,
      files.onDidCreate(({ fsPath }) => {
        // A kernel that fills a folder we know of makes no news.
        if (!this.known.has(cacheFolderOf(fsPath))) this.changed.fire();
      }),
      onDidChangeDatabases(() => {
        this.changed.fire();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.changed.fire();
      }),
    );
  }

  async scan(): Promise<Found> {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(
      ({ name, uri }) => ({ kind: 'folder', name, path: uri.fsPath }) as const,
    );
    const [found, stored] = await Promise.all([
      vscode.workspace.findFiles(databases, null),
      vscode.workspace.findFiles(storedFiles, null, mostStoredFiles),
    ]);
    const databaseFolders = new Set(found.map(({ fsPath }) => path.dirname(fsPath)));
    const fileFolders = new Set(stored.map(({ fsPath }) => cacheFolderOf(fsPath)));
    this.known = new Set([...databaseFolders, ...fileFolders]);
    return {
      folders,
      databases: unique(found.map(({ fsPath }) => fsPath)).flatMap(inFolder),
      files: [...fileFolders].filter((folder) => !databaseFolders.has(folder)).flatMap(inFolder),
    };
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function inFolder(file: string): FoundPath[] {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file));
  return folder === undefined ? [] : [{ path: file, folder: folder.uri.fsPath }];
}

function cacheFolderOf(stored: string): string {
  return path.dirname(path.dirname(stored));
}

/** Nested workspace folders find a file twice. */
function unique(paths: string[]): string[] {
  return [...new Set(paths)].sort();
}
