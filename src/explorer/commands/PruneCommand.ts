import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import { lease } from '../../store/cleaning/CleanUp';
import type { Pruned } from '../../store/cleaning/pruning';
import type { Eviction } from '../../store/cleaning/retention';
import { eachCache } from './eachCache';
import { type Notices, tell, warn } from '../Notices';
import { chooseFrom } from './PruneList';
import { type Line, nothingGoes, notice, type Planned, withoutPinned } from './pruneReport';
import { untilCancelled } from './progress';
import type { Pruning } from './Pruning';

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
        void tell(t('Nothing is cached here yet.'));
        return;
      }
      const planned = await this.planAll(paths);
      if (planned === undefined) return;
      if (planned.every(({ plan }) => plan.evictions.length === 0)) {
        await this.tellThatNothingGoes(planned);
        return;
      }
      const chosen = await chooseFrom(planned, {
        pin: (line) => this.pin(line),
        plan: (database, signal) => this.plan(database, signal),
        failed: (what, error) => this.notices.failed(what, error),
      });
      if (chosen === undefined) return;
      await this.carryOut(chosen);
    } catch (error) {
      await this.notices.failed(t('Pruning failed'), error);
    }
  }

  /** What would go of each cache; `undefined` when that was cancelled. */
  private planAll(paths: readonly string[]): Thenable<Planned[] | undefined> {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Looking for what can go'),
      cancellable: true,
    };
    return vscode.window.withProgress(options, (_, token) =>
      untilCancelled(token, async (signal) => {
        const planned: Planned[] = [];
        const planOne = async (database: string): Promise<void> => {
          const one = await this.plan(database, signal);
          if (one !== undefined) planned.push(one);
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

  /** What would go of one cache; `undefined` for an older format. */
  private async plan(database: string, signal: AbortSignal): Promise<Planned | undefined> {
    const loader = await this.caches.open(database);
    const generation = await loader.generation();
    const plan = await this.pruning.plan(database, signal);
    if (plan === undefined) return undefined;
    const ids = plan.evictions.map(({ candidate }) => candidate.entryId);
    const names = await loader.upkeep.nameEntries(ids);
    return { database, name: this.pruning.nameOf(database), generation, plan, names };
  }

  private async tellThatNothingGoes(all: readonly Planned[]): Promise<void> {
    const { t } = vscode.l10n;
    const told =
      all.length === 0
        ? t(
            'The cache is of an older format. The next run of a notebook brings it up to date, and looks after its size from then on.',
          )
        : nothingGoes(all, languageOf(vscode));
    const overview = t('Show Overview');
    const chosen = await tell(told, overview);
    if (chosen === overview) await vscode.commands.executeCommand('cellar.showOverview');
  }

  /** Pins what a line stands for. @returns what would go of its cache without what is pinned now */
  private async pin({ planned, evictions }: Line): Promise<Planned> {
    const loader = await this.caches.open(planned.database);
    for (const { candidate } of evictions) {
      const { entryId } = candidate;
      // The list may have stood for long.
      await loader.pin({ kind: 'entry', entryId }, true, planned.generation);
    }
    // Others of the same state of a cell are pinned along with its own result.
    return withoutPinned(planned, await loader.upkeep.nameEntries([...planned.names.keys()]));
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
      void warn(t('Another clean-up is under way. Try again in half a minute.'));
      return;
    }
    void tell(notice(done, asked, languageOf(vscode)));
  }
}
