import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Eviction } from '../../store/cleaning/retention';
import {
  amountsOf,
  chosenOf,
  type Line,
  linesOf,
  type Planned,
  price,
  reasonTitle,
  resultsOf,
} from './pruneReport';
import { withoutIcons } from '../withoutIcons';

interface Item extends vscode.QuickPickItem {
  readonly line?: Line;
}

/** What the list has done by others. */
export interface Deeds {
  /** Pins what a line stands for. @returns what would go of its cache without what is pinned now */
  readonly pin: (line: Line) => Promise<Planned>;
  /** Plans a cache anew: `undefined` where it cannot be planned any more. */
  readonly plan: (database: string, signal: AbortSignal) => Promise<Planned | undefined>;
  /** Tells of a deed that failed: "Pinning failed". */
  readonly failed: (what: string, error: unknown) => Promise<void>;
}

/** @returns what the user lets go, by the path of its cache; `undefined` when the list was dismissed */
export function chooseFrom(
  planned: readonly Planned[],
  deeds: Deeds,
): Promise<Map<string, Eviction[]> | undefined> {
  return new PruneList(planned, deeds).choose();
}

/**
 * The list of what would go, in which some of it is unticked or pinned. Pinned results keep their room,
 * which others have to make then: so the plan is made anew behind each pin, while the list goes on.
 */
class PruneList {
  private readonly pick = vscode.window.createQuickPick<Item>();
  private readonly pinButton: vscode.QuickInputButton = {
    iconPath: new vscode.ThemeIcon('pin'),
    tooltip: vscode.l10n.t('Pin: never let it go'),
  };
  /** Results that stay, as {@link resultsOf} calls them. */
  private readonly unticked = new Set<string>();
  /** Caches in which something was pinned since they were planned. */
  private readonly due = new Set<string>();
  private planning = new AbortController();
  /** Pins and plans come one after the other. */
  private work: Promise<void> = Promise.resolve();
  private waiting = 0;
  /** Whether lines say which cache they are of. */
  private readonly isOfSeveral: boolean;

  constructor(
    private planned: readonly Planned[],
    private readonly deeds: Deeds,
  ) {
    this.isOfSeveral = planned.filter(({ plan }) => plan.evictions.length > 0).length > 1;
  }

  choose(): Promise<Map<string, Eviction[]> | undefined> {
    const { pick } = this;
    pick.canSelectMany = true;
    pick.ignoreFocusOut = true;
    pick.matchOnDescription = true;
    pick.keepScrollPosition = true;
    this.show();
    return new Promise((resolve) => {
      pick.onDidChangeSelection(() => {
        this.retitle();
      });
      pick.onDidTriggerItemButton(({ item: { line } }) => {
        if (line !== undefined) this.pin(line);
      });
      pick.onDidAccept(async () => {
        // What goes is what the list says, and nothing of what is about to be pinned.
        this.planning.abort();
        pick.enabled = false;
        await this.work;
        resolve(new Map([...this.chosen()].map(([of, evictions]) => [of.database, evictions])));
        pick.dispose();
      });
      pick.onDidHide(() => {
        this.planning.abort();
        resolve(undefined);
        pick.dispose();
      });
      pick.show();
    });
  }

  private pin(line: Line): void {
    this.planning.abort();
    this.planning = new AbortController();
    const { signal } = this.planning;
    const { t } = vscode.l10n;
    this.queue(t('Pinning failed'), async () => {
      // The list may have been made anew since.
      const planned = this.planned.find(({ database }) => database === line.planned.database);
      this.due.add(line.planned.database);
      try {
        this.replace(await this.deeds.pin({ ...line, planned: planned ?? line.planned }));
      } catch (error) {
        // It was to stay, pinned or not.
        this.note();
        for (const result of resultsOf([line])) this.unticked.add(result);
        this.show();
        throw error;
      }
    });
    this.queue(t('What can go was not looked for again'), async () => {
      for (const database of [...this.due]) {
        if (signal.aborted) return;
        const planned = await this.deeds.plan(database, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
          return undefined;
        });
        if (planned === undefined) continue;
        this.replace(planned);
        this.due.delete(database);
      }
    });
  }

  private queue(failure: string, deed: () => Promise<void>): void {
    this.waiting++;
    this.pick.busy = true;
    this.say();
    this.work = this.work.then(async () => {
      try {
        await deed();
      } catch (error) {
        void this.deeds.failed(failure, error);
      } finally {
        this.waiting--;
        this.pick.busy = this.waiting > 0;
        this.say();
      }
    });
  }

  private replace(planned: Planned): void {
    this.note();
    this.planned = this.planned.map((each) =>
      each.database === planned.database ? planned : each,
    );
    this.show();
  }

  /** Remembers what is unticked: also of what leaves the list, and may come back. */
  private note(): void {
    const ticked = new Set(this.pick.selectedItems);
    for (const item of this.pick.items) {
      if (item.line === undefined) continue;
      for (const result of resultsOf([item.line])) {
        if (ticked.has(item)) this.unticked.delete(result);
        else this.unticked.add(result);
      }
    }
  }

  /** Shows what would go, with the ticks, and on the line, that it had. */
  private show(): void {
    const { pick } = this;
    const [active] = pick.activeItems;
    const at = active === undefined ? -1 : pick.items.indexOf(active);
    const focused = resultsOf(active?.line === undefined ? [] : [active.line]);
    const items = this.items();
    const lines = items.filter(({ line }) => line !== undefined);
    pick.items = items;
    pick.selectedItems = lines.filter(({ line }) => line && !meet(line, this.unticked));
    if (active !== undefined) {
      const same = lines.find(({ line }) => line && meet(line, focused));
      // Of one that has left, the line that took its place.
      const next = same ?? items.slice(at).find(({ line }) => line) ?? lines.at(-1);
      pick.activeItems = next === undefined ? [] : [next];
    }
    this.retitle();
    this.say();
  }

  private items(): Item[] {
    const items: Item[] = [];
    let last: Line | undefined;
    const now = Date.now() / 1000;
    for (const line of linesOf(this.planned, now, languageOf(vscode), this.isOfSeveral)) {
      if (line.reason !== last?.reason || line.planned !== last.planned) {
        const label = reasonTitle(line.reason);
        items.push({ label, kind: vscode.QuickPickItemKind.Separator });
        last = line;
      }
      const label = withoutIcons(line.label);
      const description = withoutIcons(line.description);
      items.push({ label, description, buttons: [this.pinButton], line });
    }
    return items;
  }

  private chosen(): Map<Planned, Eviction[]> {
    return chosenOf(this.pick.selectedItems.flatMap(({ line }) => line ?? []));
  }

  private retitle(): void {
    const { t } = vscode.l10n;
    const chosen = this.chosen();
    this.pick.title =
      chosen.size === 0
        ? t('Prune Cache: nothing goes')
        : t('Prune Cache: {0}', price(amountsOf(chosen.values()), languageOf(vscode)));
  }

  private say(): void {
    const { t } = vscode.l10n;
    this.pick.placeholder =
      this.waiting > 0
        ? t('Looking again for what can go, now that some of it is pinned.')
        : this.pick.items.length === 0
          ? t('All of it is pinned now, and stays.')
          : t('What is ticked goes. Untick what is to stay, or pin it for good.');
  }
}

/** Whether some of a line's results are among these. */
function meet(line: Line, results: ReadonlySet<string>): boolean {
  return [...resultsOf([line])].some((result) => results.has(result));
}
