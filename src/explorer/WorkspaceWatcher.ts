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
  /** Watchers of databases that settings put elsewhere. */
  private readonly followed = new Map<string, vscode.Disposable>();
  private readonly appeared = new vscode.EventEmitter<void>();
  /** A database of the workspace was made or deleted, or one that nobody holds open was written. */
  readonly onDidChangeDatabases = this.appeared.event;

  constructor() {
    this.listen(this.watcher);
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

  /** Has these databases watched as are those in the usual place, and no others. */
  follow(databases: readonly string[]): void {
    for (const [database, watcher] of this.followed) {
      if (databases.includes(database)) continue;
      watcher.dispose();
      this.followed.delete(database);
    }
    for (const database of databases) {
      if (this.followed.has(database)) continue;
      const watcher = vscode.workspace.createFileSystemWatcher(filesOf(database));
      this.listen(watcher);
      this.followed.set(database, watcher);
    }
  }

  dispose(): void {
    this.follow([]);
    this.watcher.dispose();
    this.folders.dispose();
    this.appeared.dispose();
    this.listeners.clear();
  }

  private listen(watcher: vscode.FileSystemWatcher): void {
    watcher.onDidChange(({ fsPath }) => {
      this.tell(fsPath);
    });
    for (const event of [watcher.onDidCreate, watcher.onDidDelete]) {
      event(({ fsPath }) => {
        if (fsPath.endsWith('cache.db')) this.appeared.fire();
        this.tell(fsPath);
      });
    }
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
    const watcher = vscode.workspace.createFileSystemWatcher(filesOf(database));
    watcher.onDidChange(changed);
    watcher.onDidCreate(changed);
    watcher.onDidDelete(changed);
    return watcher;
  }
}

/** A database, the log beside it, and the like. */
function filesOf(database: string): vscode.RelativePattern {
  const folder = vscode.Uri.file(path.dirname(database));
  return new vscode.RelativePattern(folder, `${path.basename(database)}*`);
}
