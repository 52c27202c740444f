import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Reference } from '../../protocol/references';
import type { OpenCells } from '../../protocol/standing';
import { activeNotebook } from '../cell/activeNotebook';
import { cellAmounts, cellLabel } from '../tree/cellRow';
import { amounts } from '../tree/savings';
import { pickOne } from '../pickOne';
import { type AppTarget, type CellTarget, nothingCached, wholeName } from './target';
import type { TargetReader } from './TargetReader';

/** Lists of what is cached, to choose from; `undefined` is a list that was dismissed. */
export class TargetPicker {
  constructor(
    private readonly reader: TargetReader,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells,
  ) {}

  async app(title: string): Promise<AppTarget | undefined> {
    const choices = this.reader.everyApp().then((apps) =>
      apps.map((target) => ({
        label: wholeName(target.app),
        description: amounts(target.app, languageOf(vscode)),
        target,
      })),
    );
    const placeHolder = vscode.l10n.t('Choose a notebook');
    return (await pickOne(choices, { title, placeHolder }, nothingCached()))?.target;
  }

  /** @param within the notebook to choose from; all of them when absent */
  async cell(title: string, within?: Reference): Promise<CellTarget | undefined> {
    type Choice = vscode.QuickPickItem & { readonly target?: CellTarget };
    const choices = async (): Promise<Choice[]> => {
      const apps =
        within === undefined
          ? await this.everyAppFromActive()
          : [(await this.reader.appOf(within)) ?? []].flat();
      const all = await Promise.all(
        apps.map(async (of) => {
          const { cache, app } = of;
          const open = this.openCells(cache);
          const heading: Choice = {
            label: wholeName(app),
            kind: vscode.QuickPickItemKind.Separator,
          };
          const rows = (await this.reader.cellsIn(of)).map((target): Choice => {
            const { cell } = target;
            return {
              label: cellLabel(cell),
              description: cellAmounts(cell, open, languageOf(vscode)),
              target,
            };
          });
          return [heading, ...rows];
        }),
      );
      return all.flat();
    };
    const placeHolder = vscode.l10n.t('Choose a cell');
    return (await pickOne(choices(), { title, placeHolder }, nothingCached()))?.target;
  }

  /** To choose from: what is worked on first. */
  private async everyAppFromActive(): Promise<AppTarget[]> {
    const open = activeNotebook()?.file.fsPath;
    const apps = await this.reader.everyApp();
    const isOpen = ({ app }: AppTarget) => app.notebook === open;
    return [...apps.filter(isOpen), ...apps.filter((target) => !isOpen(target))];
  }
}
