import * as vscode from 'vscode';
import { callLabels } from '../../protocol/calls';
import type { DatabaseReference, EntryReference } from '../../protocol/references';
import { numberSetting } from '../../protocol/settings';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import type { AppSummary, CellSummary, ClearTarget, EntrySummary } from '../../store/rows';
import type { SqliteLoader } from '../../store/SqliteLoader';
import { countOf, needsConfirmation, notice, question, stakeOf, sum, sumPlans } from './clearing';
import { referenceOf } from '../tree/nodes';
import { type Notices, tell } from '../Notices';
import type { RecentClear } from './RecentClears';
import { type AppTarget, type CellTarget, describe } from './target';
import type { TargetReader } from './TargetReader';
import { given, type Targets } from './Targets';
import type { UndoClear } from './UndoClear';

/** What is to be cleared, as people call it. */
interface Cleared extends DatabaseReference {
  readonly name: string;
  /** The same where it is known whose it is, and there is little room. */
  readonly brief: string;
  readonly target: ClearTarget;
  /** Of a result, that nothing else is cleared that is given its id while a question stands. */
  readonly hash?: string;
}

/** A cell with its results, which are called by what tells them from each other. */
interface Listed extends CellTarget {
  readonly entries: readonly EntrySummary[];
  readonly calls: ReadonlyMap<EntrySummary, string>;
}

/** The commands that clear: results, cells, notebooks, what is selected in the view. */
export class ClearCommands implements vscode.Disposable {
  private readonly disposables: readonly vscode.Disposable[];

  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly reader: TargetReader,
    private readonly notices: Notices,
    private readonly undoClear: UndoClear,
  ) {
    const register = (
      command: string,
      run: (argument: unknown, others: unknown) => Promise<unknown>,
    ) =>
      vscode.commands.registerCommand(command, async (...args: unknown[]) => {
        try {
          if (await this.notices.trusted()) await run(...given(args));
        } catch (error) {
          await this.notices.failed(vscode.l10n.t('Clearing failed'), error);
        }
      });
    this.disposables = [
      register('cellar.clearResult', (...given) => this.clearResults(...given)),
      register('cellar.clearCellCache', (...given) => this.clearCells(...given)),
      register('cellar.clearAppCache', (...given) => this.clearApps(...given)),
      register('cellar.clearSelected', (...given) => this.clearSelected(...given)),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async clearResults(argument: unknown, others: unknown): Promise<void> {
    const results = await this.targets.results(argument, others);
    if (results === undefined) return;
    const there = await this.ofResults(results);
    if (there.length > 0) await this.clear(there);
    else void tell(vscode.l10n.t('It is no longer in the cache.'));
  }

  private async clearCells(argument: unknown, others: unknown): Promise<void> {
    const cells = await this.targets.cells(argument, others, vscode.l10n.t('Clear Cell Cache'));
    if (cells !== undefined) await this.clear(cells.map(ofCell));
  }

  private async clearApps(argument: unknown, others: unknown): Promise<void> {
    const apps = await this.targets.apps(argument, others, vscode.l10n.t('Clear Notebook Cache'));
    if (apps !== undefined) await this.clear(apps.map(ofApp));
  }

  /**
   * What the Delete key does in the view, and the menu of several rows. The arrow keys move on without
   * selecting, and VS Code tells what is selected, not where they are: so that nobody clears another row than
   * they look at, this always asks.
   */
  private async clearSelected(argument: unknown, others: unknown): Promise<void> {
    const rows = this.targets
      .rows(argument, others)
      .filter(({ node }) => referenceOf(node) !== undefined);
    const of = (...kinds: string[]) => rows.filter(({ node }) => kinds.includes(node.kind));
    const [whole, parts, results] = [of('app'), of('cell'), of('entry', 'item')];
    const apps = whole.length > 0 ? ((await this.targets.apps(whole[0], whole, '')) ?? []) : [];
    const cells = parts.length > 0 ? ((await this.targets.cells(parts[0], parts, '')) ?? []) : [];
    const entries =
      results.length > 0 ? ((await this.targets.results(results[0], results)) ?? []) : [];
    const isIn = ({ cache, app }: CellTarget) =>
      apps.some((whole) => whole.cache === cache && whole.app.appId === app.appId);
    const alone = cells.filter((cell) => !isIn(cell));
    const all = [
      ...apps.map(ofApp),
      ...alone.map(ofCell),
      ...(await this.ofResults(entries, (of) => isIn(of) || alone.some(isSameCell(of)))),
    ];
    if (all.length === 0) {
      // The rows of a menu may go while it is open.
      if (argument !== undefined) void tell(vscode.l10n.t('It is no longer in the cache.'));
      return;
    }
    const goBeside = this.targets.placeBeside(rows);
    if (await this.clear(all, 'always')) await goBeside();
  }

  /** @returns whether it was done */
  private async clear(
    asked: readonly Cleared[],
    ask: 'where it costs' | 'always' = 'where it costs',
  ): Promise<boolean> {
    const stake = stakeOf(await this.inEach(asked, (loader, here) => loader.stake(here)));
    if (stake.entries === 0) {
      const names = asked.map(({ name }) => name).join(', ');
      void tell(vscode.l10n.t('Nothing is cached for {0}.', names));
      return false;
    }
    const settings = vscode.workspace.getConfiguration('cellar');
    const limit = numberSetting(settings.get<unknown>('confirmClearAbove'), 0, 10);
    const asks = ask === 'always' || needsConfirmation(stake, limit);
    const targets = asks ? await this.confirmed(asked) : asked;
    if (targets === undefined) return false;
    if (targets.length === 0) {
      void tell(vscode.l10n.t('It is no longer in the cache.'));
      return false;
    }

    const names = asked.map(({ brief }) => brief);
    const counted = countedIn(asked);
    const locale = languageOf(vscode);
    const undos: RecentClear['undos'][number][] = [];
    try {
      const done = await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Window,
          title: vscode.l10n.t('Clearing cached results'),
        },
        () =>
          this.inEach(targets, async (loader, here, generation) => {
            // Its ids may be another cell's where the cache was replaced while the question stood.
            const { clearance, undo } = await loader.clearUndoably(here, generation);
            if (undo !== undefined) undos.push(undo);
            return clearance;
          }),
      );
      const clearance = sum(done);
      const told = notice(clearance, names, counted, locale);
      if (undos.length === done.length) {
        void this.undoClear.offer(told, {
          names,
          count: countOf(clearance, counted, locale),
          undos,
        });
      } else {
        void tell(told);
        // Half of it back is no undo.
        for (const undo of undos) await undo.forget();
      }
      return true;
    } catch (error) {
      // The first of several databases are cleared.
      if (undos.length > 0)
        this.undoClear.add({ names, count: countOf(stake, counted, locale), undos });
      throw error;
    }
  }

  /** Asks; returns those that are still there then, or `undefined` for a no. */
  private async confirmed(asked: readonly Cleared[]): Promise<readonly Cleared[] | undefined> {
    const plan = sumPlans(await this.inEach(asked, (loader, here) => loader.planClear(here)));
    const names = asked.map(({ name }) => name);
    const { title, detail, yes } = question(plan, names, countedIn(asked), languageOf(vscode));
    const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, yes);
    return answer === yes ? this.stillThere(asked) : undefined;
  }

  /** Does something in each database that some of the targets are in, one after the other. */
  private async inEach<T>(
    targets: readonly Cleared[],
    act: (loader: SqliteLoader, here: readonly ClearTarget[], generation: string) => Promise<T>,
  ): Promise<T[]> {
    const done: T[] = [];
    const keyOf = ({ cache, generation }: DatabaseReference) => `${cache} ${generation}`;
    const databases = new Map(targets.map((target) => [keyOf(target), target]));
    for (const [key, { cache, generation }] of databases) {
      const loader = await this.caches.get(cache);
      if (loader === undefined) continue;
      const here = targets.filter((target) => keyOf(target) === key);
      const of = here.map(({ target }) => target);
      done.push(await act(loader, of, generation));
    }
    return done;
  }

  private async stillThere(targets: readonly Cleared[]): Promise<readonly Cleared[]> {
    const there = await Promise.all(
      targets.map(async ({ cache, target, hash }) => {
        if (target.kind !== 'entry') return true;
        const loader = await this.caches.get(cache);
        return (await loader?.entry(target.entryId))?.hash === hash;
      }),
    );
    return targets.filter((_, at) => there[at]);
  }

  /**
   * Those that are still there, each once.
   * @param isIn whether all of a cell is cleared anyhow
   */
  private async ofResults(
    results: readonly EntryReference[],
    isIn: (cell: CellTarget) => boolean = () => false,
  ): Promise<Cleared[]> {
    const listed: Listed[] = [];
    const found = new Map<EntrySummary, Cleared>();
    for (const result of results) {
      const { cache, generation, entryId, hash } = result;
      const among = ({ entries }: Listed) => entries.find((entry) => entry.entryId === entryId);
      let cell = listed.find((each) => each.cache === cache && among(each) !== undefined);
      if (cell === undefined) {
        cell = await this.list(result);
        if (cell === undefined) continue;
        listed.push(cell);
      }
      const entry = among(cell);
      // Another one may have been given its id.
      if (entry === undefined || (hash !== undefined && entry.hash !== hash)) continue;
      if (isIn(cell)) continue;
      const target = { kind: 'entry', entryId } as const;
      found.set(entry, { cache, generation, ...namesOf(entry, cell), target, hash: entry.hash });
    }
    return [...found.values()];
  }

  private async list(result: EntryReference): Promise<Listed | undefined> {
    const target = await this.reader.cellOf(result);
    const loader = await this.caches.get(result.cache);
    if (target === undefined || loader === undefined) return undefined;
    const entries = await loader.entries(target.cell.cellId);
    return { ...target, entries, calls: callLabels(entries) };
  }
}

/** What the targets are counted by. */
function countedIn(targets: readonly Cleared[]): 'results' | 'cells' {
  return targets.every(({ target }) => target.kind === 'entry') ? 'results' : 'cells';
}

/** What a result is called before people: "ask('Why is the sky…') of chat.py". */
function namesOf(
  entry: EntrySummary,
  { calls, app, cell }: Listed,
): { name: string; brief: string } {
  const { t } = vscode.l10n;
  if (entry.cacheName === 'cell_cache') {
    const named = (length: 'brief' | 'whole') =>
      t('a result of {0}', describe({ app, cell }, length));
    return { brief: named('brief'), name: named('whole') };
  }
  const brief = calls.get(entry) ?? entry.cacheName;
  return { brief, name: t('{0} of {1}', brief, describe({ app }, 'whole')) };
}

function isSameCell({ cache, cell }: CellTarget) {
  return (other: CellTarget) => other.cache === cache && other.cell.cellId === cell.cellId;
}

function bothNames(target: { readonly app: AppSummary; readonly cell?: CellSummary }) {
  return { name: describe(target, 'whole'), brief: describe(target) };
}

function ofCell(target: CellTarget): Cleared {
  const { cache, generation, cell } = target;
  return {
    cache,
    generation,
    ...bothNames(target),
    target: { kind: 'cell', cellId: cell.cellId },
  };
}

function ofApp({ cache, generation, app }: AppTarget): Cleared {
  const target = { kind: 'app', appId: app.appId } as const;
  return { cache, generation, ...bothNames({ app }), target };
}
