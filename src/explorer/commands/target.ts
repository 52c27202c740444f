import * as vscode from 'vscode';
import { collectionName } from '../../protocol/labels';
import type { DatabaseReference } from '../../protocol/references';
import type { AppSummary, CellSummary } from '../../store/rows';
import { nameOf } from '../tree/appRow';
import { cellLabel } from '../tree/cellRow';

/** A cell of a cache, as commands act on it. */
export interface CellTarget extends DatabaseReference {
  readonly app: AppSummary;
  readonly cell: CellSummary;
}

export type AppTarget = Omit<CellTarget, 'cell'>;

/** A notebook as people call it where it is not to be taken for another one of the workspace. */
export function wholeName({ path, notebook }: AppSummary): string {
  return collectionName(path) ?? vscode.workspace.asRelativePath(notebook);
}

/** The same where it is known whose it is, and there is little room: without its folder. */
function briefName({ path, notebook }: AppSummary): string {
  return collectionName(path) ?? nameOf(notebook.replaceAll('\\', '/'));
}

/** A target as people call it. */
export function describe(
  { app, cell }: { app: AppSummary; cell?: CellSummary },
  length: 'brief' | 'whole' = 'brief',
): string {
  const notebook = length === 'brief' ? briefName(app) : wholeName(app);
  return cell === undefined ? notebook : vscode.l10n.t('{0} of {1}', cellLabel(cell), notebook);
}

/** That there is nothing to choose from. */
export function nothingCached(): string {
  return vscode.l10n.t('Nothing is cached in this workspace.');
}
