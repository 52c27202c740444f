import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Disposable, Watcher } from '../../store/database/Watcher';

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
  /** Watchers of databases that settings put elsewhere, by the paths that they match. */
  private readonly followed = new Map<string, vscode.Disposable>();
  private readonly appeared = new vscode.EventEmitter<void>();
  /** A database of the workspace was made or deleted, or one that nobody holds open was written. */
  readonly onDidChangeDatabases = this.appeared.event;

  constructor() {
    this.listen(this.watcher);
    this.folders.onDidDelete(({ fsPath }) => {
      this.tellOfFolder(fsPath);
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
  async follow(databases: readonly string[]): Promise<void> {
    const anchors = await Promise.all(databases.map(deepestThere));
    const wanted = new Map(
      databases
        .flatMap((database, at) => patternsFor(database, anchors[at] ?? ''))
        .map((pattern) => [path.join(pattern.baseUri.fsPath, pattern.pattern), pattern]),
    );
    for (const [key, watcher] of this.followed) {
      if (wanted.has(key)) continue;
      watcher.dispose();
      this.followed.delete(key);
    }
    for (const [key, pattern] of wanted) {
      if (this.followed.has(key)) continue;
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      this.listen(watcher);
      this.followed.set(key, watcher);
    }
    // What was made or deleted before the watchers were there is no news to them.
    const now = await Promise.all(databases.map(deepestThere));
    if (now.some((anchor, at) => anchor !== anchors[at])) this.appeared.fire();
  }

  dispose(): void {
    for (const watcher of this.followed.values()) watcher.dispose();
    this.watcher.dispose();
    this.folders.dispose();
    this.appeared.dispose();
    this.listeners.clear();
  }

  private listen(watcher: vscode.FileSystemWatcher): void {
    watcher.onDidChange(({ fsPath }) => {
      if (isDatabaseFile(fsPath)) this.tell(fsPath);
    });
    for (const event of [watcher.onDidCreate, watcher.onDidDelete]) {
      event(({ fsPath }) => {
        if (!isDatabaseFile(fsPath)) {
          this.tellOfFolder(fsPath);
          return;
        }
        if (fsPath.endsWith('cache.db')) this.appeared.fire();
        this.tell(fsPath);
      });
    }
  }

  private tellOfFolder(folder: string): void {
    for (const [database, changed] of this.listeners) {
      if (database.startsWith(folder + path.sep)) for (const listener of changed) listener();
    }
    this.appeared.fire();
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

/**
 * What to watch for a database: its files, and the folder, since that alone is told of when it is
 * deleted. Nothing is heard of what is made in a folder that was not there when the watching began,
 * so then it is the first missing folder that is watched.
 * @param anchor what is there of the database's path
 */
function patternsFor(database: string, anchor: string): vscode.RelativePattern[] {
  const folder = path.dirname(database);
  if (anchor === database || anchor === folder) return [filesOf(database), justThis(folder)];
  const [missing = ''] = path.relative(anchor, database).split(path.sep);
  return [justThis(path.join(anchor, missing))];
}

function justThis(file: string): vscode.RelativePattern {
  return new vscode.RelativePattern(vscode.Uri.file(path.dirname(file)), path.basename(file));
}

function isDatabaseFile(file: string): boolean {
  return /^cache\.db(-wal|-shm|-journal)?$/.test(path.basename(file));
}

/** The file, or the innermost of the folders that it is in, that exists. */
async function deepestThere(file: string): Promise<string> {
  const there = await stat(file).then(
    () => true,
    () => false,
  );
  return there || path.dirname(file) === file ? file : deepestThere(path.dirname(file));
}
