import * as vscode from 'vscode';
import type { Caches } from '../../store/Caches';
import { lease } from '../../store/cleaning/CleanUp';
import type { Pruned } from '../../store/cleaning/pruning';
import type { Eviction } from '../../store/cleaning/retention';
import { eachCache } from './eachCache';
import type { Notices } from '../Notices';
import { withoutLinks } from '../withoutLinks';
import {
  amountsOf,
  chosenOf,
  type Line,
  linesOf,
  nothingGoes,
  notice,
  type Planned,
  price,
  reasonTitle,
  withoutPinned,
} from './pruneReport';
import type { Pruning } from './Pruning';

interface Item extends vscode.QuickPickItem {
  readonly line?: Line;
}

type CacheOf = ReadonlyMap<Planned, string>;

/** Milliseconds for which another cleaner is waited for: one that was killed has the lease for as long. */
const patience = (lease + 5) * 1000;

/** `Prune Cache…`: lists what would go and why, lets the user keep or pin some, and goes. */
export class PruneCommand {
  constructor(
    private readonly caches: Caches,
    private readonly pruning: Pruning,
    private readonly notices: Notices,
  ) {}

  async run(): Promise<void> {
    const { t } = vscode.l10n;
    try {
      if (!(await this.notices.trusted())) return;
      const paths = await this.pruning.databases();
      if (paths.length === 0) {
        void vscode.window.showInformationMessage(t('Nothing is cached here yet.'));
        return;
      }
      const planned = await this.planAll(paths);
      if (planned === undefined) return;
      if ([...planned.keys()].every(({ plan }) => plan.evictions.length === 0)) {
        await this.tellThatNothingGoes([...planned.keys()]);
        return;
      }
      const chosen = await this.choose(planned);
      if (chosen === undefined) return;
      await this.carryOut(chosen);
    } catch (error) {
      await this.notices.failed(t('Pruning failed'), error);
    }
  }

  /** What would go, with the path of its cache; `undefined` when that was cancelled. */
  private planAll(paths: readonly string[]): Thenable<Map<Planned, string> | undefined> {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Looking for what can go'),
      cancellable: true,
    };
    return vscode.window.withProgress(options, (_, token) =>
      untilCancelled(token, async (signal) => {
        const planned = new Map<Planned, string>();
        const planOne = async (database: string): Promise<void> => {
          const plan = await this.pruning.plan(database, signal);
          if (plan === undefined) return;
          const ids = plan.evictions.map(({ candidate }) => candidate.entryId);
          const loader = await this.caches.open(database);
          const names = await loader.upkeep.nameEntries(ids);
          planned.set({ name: this.pruning.nameOf(database), plan, names }, database);
        };
        await eachCache(paths, signal, planOne, (error) => {
          void this.notices.failed(vscode.l10n.t('One of the caches is left out'), error);
        });
        return planned;
      }).catch((error: unknown) => {
        if (!token.isCancellationRequested) throw error;
        return undefined;
      }),
    );
  }

  private async tellThatNothingGoes(all: readonly Planned[]): Promise<void> {
    const { t } = vscode.l10n;
    const told =
      all.length === 0
        ? t(
            'The cache is of an older format. The next run of a notebook brings it up to date, and looks after its size from then on.',
          )
        : nothingGoes(all, vscode.env.language);
    const overview = t('Show Overview');
    const chosen = await vscode.window.showInformationMessage(withoutLinks(told), overview);
    if (chosen === overview) await vscode.commands.executeCommand('cellar.showOverview');
  }

  /** What the user lets go, by the path of its cache; `undefined` when the list was dismissed. */
  private choose(planned: Map<Planned, string>): Promise<Map<string, Eviction[]> | undefined> {
    const { t } = vscode.l10n;
    const locale = vscode.env.language;
    const pick = vscode.window.createQuickPick<Item>();
    const pin = { iconPath: new vscode.ThemeIcon('pin'), tooltip: t('Pin: never let it go') };
    const chosenNow = () => chosenOf(pick.selectedItems.flatMap(({ line }) => line ?? []));
    const retitle = () => {
      const chosen = chosenNow();
      pick.title =
        chosen.size === 0
          ? t('Prune Cache: nothing goes')
          : t('Prune Cache: {0}', price(amountsOf(chosen.values()), locale));
    };
    let current = planned;
    const show = (unticked: ReadonlySet<string>) => {
      const items = itemsOf(current, locale, pin);
      pick.items = items;
      pick.placeholder =
        items.length === 0
          ? t('All of it is pinned now, and stays.')
          : t('What is ticked goes. Untick what is to stay, or pin it for good.');
      pick.selectedItems = items.filter(({ line }) => line && !unticked.has(idOf(current, line)));
      retitle();
    };
    pick.canSelectMany = true;
    pick.ignoreFocusOut = true;
    pick.matchOnDescription = true;
    show(new Set());
    return new Promise((resolve) => {
      pick.onDidChangeSelection(retitle);
      pick.onDidTriggerItemButton(async ({ item: { line } }) => {
        if (line === undefined) return;
        const ticked = new Set(pick.selectedItems.map((item) => item.line));
        const unticked = pick.items.flatMap(({ line: each }) =>
          each === undefined || ticked.has(each) ? [] : [idOf(current, each)],
        );
        pick.busy = true;
        try {
          current = await this.pin(current, line);
          show(new Set(unticked));
        } catch (error) {
          await this.notices.failed(t('Pinning failed'), error);
        } finally {
          pick.busy = false;
        }
      });
      pick.onDidAccept(() => {
        const chosen = [...chosenNow()].map(
          ([each, evictions]) => [current.get(each) ?? '', evictions] as const,
        );
        resolve(new Map(chosen));
        pick.dispose();
      });
      pick.onDidHide(() => {
        resolve(undefined);
        pick.dispose();
      });
      pick.show();
    });
  }

  /** Pins what a line stands for. @returns what would go then. */
  private async pin(planned: CacheOf, line: Line): Promise<Map<Planned, string>> {
    const database = planned.get(line.planned);
    if (database === undefined) return new Map(planned);
    const loader = await this.caches.open(database);
    for (const { candidate } of line.evictions) {
      await loader.pin({ kind: 'entry', entryId: candidate.entryId }, true);
    }
    // Others of the same state of the cell are pinned along with it.
    const names = await loader.upkeep.nameEntries([...line.planned.names.keys()]);
    return new Map(
      [...planned].map(([each, where]) => [
        each === line.planned ? withoutPinned(each, names) : each,
        where,
      ]),
    );
  }

  private async carryOut(chosen: ReadonlyMap<string, readonly Eviction[]>): Promise<void> {
    const { t } = vscode.l10n;
    const asked = [...chosen.values()].reduce((sum, evictions) => sum + evictions.length, 0);
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t('Pruning what is cached'),
      cancellable: true,
    };
    const done = await vscode.window.withProgress(options, (progress, token) =>
      untilCancelled(token, async (signal) => {
        const all: Pruned[] = [];
        for (const [database, evictions] of chosen) {
          if (signal.aborted) break;
          let shown = 0;
          const step = (count: number) => {
            progress.report({ increment: (100 * (count - shown)) / asked });
            shown = count;
          };
          const loader = await this.caches.open(database);
          const waiting = () => {
            progress.report({ message: t('waiting for another clean-up to end') });
          };
          all.push(
            await loader.upkeep.prune(evictions, {
              actor: 'command',
              signal,
              patience,
              waiting,
              step,
            }),
          );
        }
        return all;
      }),
    );
    if (done.length > 0 && done.every(({ busy }) => busy)) {
      void vscode.window.showWarningMessage(
        t('Another clean-up is under way. Try again in half a minute.'),
      );
      return;
    }
    void vscode.window.showInformationMessage(notice(done, asked, vscode.env.language));
  }
}

function itemsOf(planned: CacheOf, locale: string, pin: vscode.QuickInputButton): readonly Item[] {
  const items: Item[] = [];
  let head: string | undefined;
  for (const line of linesOf([...planned.keys()], Date.now() / 1000, locale)) {
    const why = reasonTitle(line.reason);
    const here = planned.size > 1 ? `${line.planned.name}: ${why}` : why;
    if (here !== head) {
      items.push({ label: here, kind: vscode.QuickPickItemKind.Separator });
      head = here;
    }
    items.push({ label: line.label, description: line.description, buttons: [pin], line });
  }
  return items;
}

/** The same for a line of another list with the same entries. */
function idOf(planned: CacheOf, { planned: of, evictions: [first] }: Line): string {
  return `${planned.get(of) ?? ''}:${first?.candidate.entryId ?? ''}`;
}

/** Work that a cancellation aborts. */
async function untilCancelled<T>(
  token: vscode.CancellationToken,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const listening = token.onCancellationRequested(() => {
    stop.abort();
  });
  try {
    return await work(stop.signal);
  } finally {
    listening.dispose();
  }
}
