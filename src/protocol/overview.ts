import { flag, list, number, object, oneOf, optional, text, union, type Shape } from './shape';

/** What the overview's page and its host say to one another: all of it as people read it. */

/** A figure with what it is. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly detail: string | undefined;
}

/** A day and what it saved; `share` is of the best day, from 0 to 1. */
export interface Bar {
  readonly label: string;
  readonly text: string;
  readonly share: number;
}

/** What one cache takes of its room. */
export interface Room {
  readonly name: string;
  readonly text: string;
  /** Of the budget, from 0 to 1; absent where there is no limit. */
  readonly share: number | undefined;
  readonly over: boolean;
  /** Where the budget is from, what another would mean, and other sentences about it. */
  readonly lines: readonly string[];
  readonly cleanings: readonly string[];
}

/** A notebook or a cell, and what it saved. */
export interface Saver {
  readonly name: string;
  readonly time: string;
  readonly amount: string;
  readonly hits: string;
  readonly cells: readonly Saver[];
}

/** The words that stand still. */
export interface OverviewWords {
  readonly title: string;
  readonly disk: string;
  readonly cleanings: string;
  readonly noCleanings: string;
  readonly days: string;
  readonly noDays: string;
  readonly savers: string;
  readonly noSavers: string;
  readonly notebook: string;
  readonly time: string;
  readonly amount: string;
  readonly hits: string;
  readonly prune: string;
  readonly refresh: string;
  readonly settings: string;
}

export interface OverviewView {
  readonly words: OverviewWords;
  /** Said instead of everything else. */
  readonly empty: string | undefined;
  /** Why nothing can be pruned here. */
  readonly restricted: string | undefined;
  /** What could not be read, as sentences. */
  readonly problems: readonly string[];
  readonly tiles: readonly Tile[];
  readonly bars: readonly Bar[];
  readonly rooms: readonly Room[];
  readonly savers: readonly Saver[];
  /** Whether any amount of money is told. */
  readonly money: boolean;
}

const overviewCommands = ['prune', 'refresh', 'settings'] as const;
export type OverviewCommand = (typeof overviewCommands)[number];

export interface ToOverview {
  readonly type: 'show';
  readonly view: OverviewView;
}

export type FromOverview =
  { readonly type: 'ready' } | { readonly type: 'command'; readonly command: OverviewCommand };

/** @throws {Misshapen} when `message` is none of the page's */
export function parseFromOverview(message: unknown): FromOverview {
  return fromOverview(message, 'message');
}

/** @throws {Misshapen} when `message` is none of the host's */
export function parseToOverview(message: unknown): ToOverview {
  return toOverview(message, 'message');
}

const fromOverview = union<'type', FromOverview>('type', {
  ready: {},
  command: { command: oneOf(...overviewCommands) },
});

const saver: Shape<Saver> = (value, at) =>
  object<Saver>({ name: text, time: text, amount: text, hits: text, cells: list(saver) })(
    value,
    at,
  );

const words = object<OverviewWords>({
  title: text,
  disk: text,
  cleanings: text,
  noCleanings: text,
  days: text,
  noDays: text,
  savers: text,
  noSavers: text,
  notebook: text,
  time: text,
  amount: text,
  hits: text,
  prune: text,
  refresh: text,
  settings: text,
});

const view = object<OverviewView>({
  words,
  empty: optional(text),
  restricted: optional(text),
  problems: list(text),
  tiles: list(object<Tile>({ label: text, value: text, detail: optional(text) })),
  bars: list(object<Bar>({ label: text, text, share: number })),
  rooms: list(
    object<Room>({
      name: text,
      text,
      share: optional(number),
      over: flag,
      lines: list(text),
      cleanings: list(text),
    }),
  ),
  savers: list(saver),
  money: flag,
});

const toOverview = object<ToOverview>({ type: oneOf('show'), view });
