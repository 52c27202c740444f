import path from 'node:path';
import * as vscode from 'vscode';
import type { Disposable, Watcher } from '../store/Watcher';

/** `cache.db`, its log and its shared memory; a journal where the file system knows no log. */
const databaseFiles = '**/__marimo__/cache/cache.db*';

/**
 * VS Code's file events for the store. Unlike Node's `fs.watch` they survive a folder that is deleted
 * and made again, and they come for files that Git ignores.
 */
export class WorkspaceWatcher implements Watcher, vscode.Disposable {
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly watcher = vscode.workspace.createFileSystemWatcher(databaseFiles);
  /** Deleting a folder is told of the folder alone. */
  private readonly folders = vscode.workspace.createFileSystemWatcher(
    '**/{__marimo__,__marimo__/cache}',
    true,
    true,
    false,
  );
  private readonly appeared = new vscode.EventEmitter<void>();
  /** A database of the workspace was made or deleted, or one that nobody holds open was written. */
  readonly onDidChangeDatabases = this.appeared.event;

  constructor() {
    const tell = ({ fsPath }: vscode.Uri) => {
      this.tell(fsPath);
    };
    this.watcher.onDidChange(tell);
    for (const event of [this.watcher.onDidCreate, this.watcher.onDidDelete]) {
      event((uri) => {
        if (uri.fsPath.endsWith('cache.db')) this.appeared.fire();
        this.tell(uri.fsPath);
      });
    }
    this.folders.onDidDelete(({ fsPath }) => {
      for (const [database, changed] of this.listeners) {
        if (database.startsWith(fsPath + path.sep)) for (const listener of changed) listener();
      }
      this.appeared.fire();
    });
  }

  watch(database: string, changed: () => void): Disposable {
    const listeners = this.listeners.get(database) ?? new Set();
    this.listeners.set(database, listeners);
    // A function of our own, so that the same listener may be passed twice.
    const listener = () => {
      changed();
    };
    listeners.add(listener);
    const elsewhere = this.watchElsewhere(database, listener);
    return {
      dispose: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.listeners.delete(database);
        elsewhere?.dispose();
      },
    };
  }

  dispose(): void {
    this.watcher.dispose();
    this.folders.dispose();
    this.appeared.dispose();
    this.listeners.clear();
  }

  private tell(file: string): void {
    const database = file.replace(/-(wal|shm|journal)$/, '');
    const listeners = this.listeners.get(database);
    if (listeners !== undefined) for (const listener of listeners) listener();
    // A database that could not be opened yet, since a kernel was just laying it out, may be now.
    else this.appeared.fire();
  }

  /** A database outside the workspace, or in another place than the usual, has a watcher of its own. */
  private watchElsewhere(database: string, changed: () => void): vscode.Disposable | undefined {
    const uri = vscode.Uri.file(database);
    const usual = path.join('__marimo__', 'cache', 'cache.db');
    if (vscode.workspace.getWorkspaceFolder(uri) && database.endsWith(path.sep + usual)) {
      return undefined;
    }
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(
        vscode.Uri.file(path.dirname(database)),
        `${path.basename(database)}*`,
      ),
    );
    watcher.onDidChange(changed);
    watcher.onDidCreate(changed);
    watcher.onDidDelete(changed);
    return watcher;
  }
}
