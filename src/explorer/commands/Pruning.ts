import * as vscode from 'vscode';
import { budgetOf } from '../../store/settings/budget';
import { notebookFolderOf } from '../../store/settings/place';
import type { Caches } from '../../store/Caches';
import type { PrunePlan } from '../../store/cleaning/pruning';
import type { Discovery } from '../tree/Discovery';

/** What is asked for before any clean-up, by the command and when VS Code is idle. */
export class Pruning {
  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
  ) {}

  /** Absolute paths of the databases of this workspace. */
  async databases(): Promise<string[]> {
    const { databases } = await this.discovery.scan();
    return [...new Set(databases.map((database) => database.path))];
  }

  /**
   * What a clean-up of a cache would evict now. What a notebook that is open in this window would load
   * stays, as does what a kernel says it has open.
   * @returns `undefined` for an older format
   * @throws CacheError, or the signal's reason soon after it is aborted
   */
  async plan(database: string, signal?: AbortSignal): Promise<PrunePlan | undefined> {
    const loader = await this.caches.open(database);
    return loader.upkeep.plan({
      budget: async (used) => (await budgetOf(database, used)).size,
      now: Date.now() / 1000,
      open: openNotebooks(),
      ...(signal ? { signal } : {}),
    });
  }

  /** A cache as people know it: by the folder that its notebooks are in. */
  nameOf(database: string): string {
    return folderName(notebookFolderOf(database));
  }
}

/** A folder within the workspace by its path there, one of the workspace by its name. */
function folderName(folder: string): string {
  const ofWorkspace = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === folder);
  return ofWorkspace?.name ?? vscode.workspace.asRelativePath(folder);
}

/** Absolute paths of the notebooks that are open, as text or in marimo's editor. */
function openNotebooks(): string[] {
  const { textDocuments, notebookDocuments } = vscode.workspace;
  return [...textDocuments, ...notebookDocuments]
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => uri.fsPath);
}
