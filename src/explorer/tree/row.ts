import { escapeMarkdown } from '../../protocol/markdown';

/** How a node is shown. Texts from files are shown as text, never as markup. */
export interface Row {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly tooltip: Tooltip;
  /** A codicon, with a theme colour where it matters. */
  readonly icon: { readonly name: string; readonly color?: string };
  /** What the menus of package.json ask for. */
  readonly context: string;
  readonly expandable: boolean;
  /**
   * What a screen reader says: what can be read, in the same words, since who speaks to the computer
   * names a row by them (https://www.w3.org/WAI/WCAG22/Understanding/label-in-name), then what the
   * icon and the place in the tree tell.
   */
  readonly spoken: string;
}

export interface Tooltip {
  readonly title: string;
  readonly lines: readonly string[];
  /** Python, shown as such. */
  readonly code?: string;
}

/** The reader's language and clock, the latter in Unix seconds. */
export interface Reader {
  readonly locale: string;
  readonly now: number;
}

/** A row of whichever node. */
export type Shown = Omit<Row, 'id'>;

/** What there is of some parts, as a list for people. */
export function listed(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(', ');
}

const rightToLeft =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/**
 * @returns what stands beside the label. VS Code draws both as one text, in which a number behind
 *   right-to-left letters belongs to them and stands before the label: a left-to-right mark parts the two.
 */
export function besideLabel({ label, description }: Pick<Row, 'label' | 'description'>): string {
  return rightToLeft.test(label) ? `\u200e${description}` : description;
}

/** The most characters of a line in a tooltip: what is wrong, with a path or two in it. */
const ofLine = 1000;

/**
 * The words of a tooltip as Markdown that shows exactly those. VS Code's own `appendText` makes every space
 * one that no line can end at, so that lines end in the midst of words.
 */
export function tooltipMarkdown({ title, lines }: Tooltip): string {
  const escaped = lines.map((line) => escapeMarkdown(line, ofLine));
  return [`**${escapeMarkdown(title, ofLine)}**`, ...escaped].join('  \n');
}
