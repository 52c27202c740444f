import * as vscode from 'vscode';
import { ofSentence, plainText } from '../../protocol/markdown';
import { problemOf } from '../problems';
import { withoutIcons } from '../withoutIcons';
import type { FoundResults } from './ResultSearch';
import type { ResultLine } from './resultLines';

interface Item extends vscode.QuickPickItem {
  readonly line?: ResultLine;
  /** Why a cache is left out, for which it stands. */
  readonly fault?: unknown;
}

/** What the list has done by others. */
export interface ResultDeeds {
  /** What a text finds. @throws the signal's reason once that is aborted */
  readonly find: (text: string, signal: AbortSignal) => Promise<FoundResults>;
  /** Pins a result, or lets it go again. */
  readonly pin: (line: ResultLine, pinned: boolean) => Promise<void>;
  /** Tells of a deed that failed: "Pinning failed". */
  readonly failed: (what: string, error: unknown) => Promise<void>;
}

/** What became of a list. */
export type Choice =
  /** A line was accepted, or the button on it that leads to its cell. */
  | { readonly kind: 'preview' | 'cell'; readonly line: ResultLine }
  /** A line that says why a cache is left out. */
  | { readonly kind: 'fault'; readonly fault: unknown }
  | { readonly kind: 'nothingThere' }
  | { readonly kind: 'dismissed' };

/** @param mayPin whether anything may be changed here */
export function chooseResult(deeds: ResultDeeds, mayPin: boolean): Promise<Choice> {
  return new ResultList(deeds, mayPin).choose();
}

/**
 * The list of results, which is searched anew while somebody types. What is found stays until what is
 * typed is found, and what is accepted meanwhile is what that turns out to find first.
 */
class ResultList {
  private readonly pick = vscode.window.createQuickPick<Item>();
  private readonly revealButton: vscode.QuickInputButton = {
    iconPath: new vscode.ThemeIcon('go-to-file'),
    tooltip: vscode.l10n.t('Reveal Cell in Notebook'),
  };
  private readonly pinButton: vscode.QuickInputButton = {
    iconPath: new vscode.ThemeIcon('pin'),
    tooltip: vscode.l10n.t('Pin'),
  };
  private readonly unpinButton: vscode.QuickInputButton = {
    iconPath: new vscode.ThemeIcon('pinned'),
    tooltip: vscode.l10n.t('Unpin'),
  };
  private looking = new AbortController();
  /** The text whose lines are shown. */
  private shown: string | undefined;
  /** Whether that was accepted whose lines are still being looked for. */
  private isAccepted = false;
  private isEnded = false;
  private settle: (choice: Choice) => void = () => undefined;

  constructor(
    private readonly deeds: ResultDeeds,
    private readonly mayPin: boolean,
  ) {}

  choose(): Promise<Choice> {
    const { pick } = this;
    pick.placeholder = vscode.l10n.t(
      'Search by what a call was made with, function, cell or notebook',
    );
    pick.title = vscode.l10n.t('Go to Result');
    // What is found is shown whatever VS Code finds in it; these have it mark what was typed.
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    const choice = new Promise<Choice>((resolve) => {
      this.settle = resolve;
    });
    pick.onDidChangeValue(() => {
      this.isAccepted = false;
      void this.look();
    });
    pick.onDidAccept(() => {
      if (this.isLooking) this.isAccepted = true;
      else this.accept(this.active ?? pick.items[0]);
    });
    pick.onDidTriggerItemButton(({ item: { line }, button }) => {
      if (line === undefined) return;
      if (button === this.revealButton) this.end({ kind: 'cell', line });
      else void this.pin(line, button === this.pinButton);
    });
    pick.onDidHide(() => {
      this.end({ kind: 'dismissed' });
      pick.dispose();
    });
    pick.show();
    void this.look();
    return choice;
  }

  private get isLooking(): boolean {
    return this.shown !== this.pick.value;
  }

  /** The line that is active; none where VS Code has yet to tell which of those that were shown just now. */
  private get active(): Item | undefined {
    const [active] = this.pick.activeItems;
    return active !== undefined && this.pick.items.includes(active) ? active : undefined;
  }

  private accept(item: Item | undefined): void {
    if (item?.line !== undefined) this.end({ kind: 'preview', line: item.line });
    else if (item?.fault !== undefined) this.end({ kind: 'fault', fault: item.fault });
  }

  private end(choice: Choice): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.looking.abort();
    this.settle(choice);
    this.pick.hide();
  }

  private async look(): Promise<void> {
    const { pick } = this;
    this.looking.abort();
    this.looking = new AbortController();
    const { signal } = this.looking;
    const text = pick.value;
    pick.busy = true;
    try {
      const found = await this.deeds.find(text, signal);
      if (signal.aborted) return;
      pick.busy = false;
      if (found.isAny || found.faults.length > 0) this.show(text, found);
      else this.end({ kind: 'nothingThere' });
    } catch (error) {
      if (signal.aborted) return;
      this.end({ kind: 'dismissed' });
      void this.deeds.failed(vscode.l10n.t('Results cannot be searched'), error);
    }
  }

  private show(text: string, { lines, more, faults }: FoundResults): void {
    const { pick } = this;
    const { t } = vscode.l10n;
    const items = lines.map((line) => this.itemOf(line));
    if (this.isAccepted && items.length > 0) {
      this.accept(items[0]);
      return;
    }
    this.isAccepted = false;
    const active = this.shown === text ? this.active : undefined;
    this.shown = text;
    const nothing = t('No result matches “{0}”', withoutIcons(plainText(text)));
    pick.keepScrollPosition = active !== undefined;
    pick.items = [
      ...items,
      ...(items.length === 0 && text !== '' ? [{ label: nothing, alwaysShow: true }] : []),
      ...faults.map(itemOfFault),
    ];
    const same = items.find(({ line }) => isSame(line, active?.line));
    if (same !== undefined) pick.activeItems = [same];
    pick.title = !more
      ? t('Go to Result')
      : text === ''
        ? t('Go to Result: the {0} used last', lines.length)
        : t('Go to Result: the {0} used last of those that match', lines.length);
  }

  private itemOf(line: ResultLine): Item {
    const { label, description, detail, icon, isInNotebook, isPinned } = line;
    return {
      label,
      description,
      ...(detail === undefined ? {} : { detail }),
      iconPath: new vscode.ThemeIcon(icon.name),
      buttons: [
        ...(isInNotebook ? [this.revealButton] : []),
        ...(this.mayPin ? [isPinned ? this.unpinButton : this.pinButton] : []),
      ],
      alwaysShow: true,
      line,
    };
  }

  private async pin(line: ResultLine, pinned: boolean): Promise<void> {
    try {
      await this.deeds.pin(line, pinned);
    } catch (error) {
      void this.deeds.failed(vscode.l10n.t('Pinning failed'), error);
    }
    // With a cell's own result others of the same state of the cell are pinned.
    if (!this.isEnded) await this.look();
  }
}

function itemOfFault(fault: unknown): Item {
  const { title, message, lasting } = problemOf(fault);
  return {
    label: title,
    detail: withoutIcons(plainText(message, ofSentence)),
    iconPath: new vscode.ThemeIcon(lasting ? 'error' : 'warning'),
    alwaysShow: true,
    fault,
  };
}

function isSame(a: ResultLine | undefined, b: ResultLine | undefined): boolean {
  return (
    a !== undefined &&
    a.entry.cache === b?.entry.cache &&
    a.entry.generation === b.entry.generation &&
    a.entry.entryId === b.entry.entryId
  );
}
