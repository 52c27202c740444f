const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 48;
const RIGHT = 96;
const TOP = 40;
const BOTTOM = 36;

/** One line: a ratio for each label of the plot, `undefined` where nothing was measured. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

/**
 * Draws ratios by size on a logarithmic scale, with marimo's file store as the line at 1. The
 * colours follow the reader's own choice of light or dark.
 * @returns the text of an SVG file
 */
export function plot(title: string, labels: readonly string[], lines: readonly Line[]): string {
  const all = lines.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const low = Math.floor(Math.log2(Math.min(0.5, ...all)));
  const high = Math.ceil(Math.log2(Math.max(2, ...all)));
  const x = (index: number) =>
    round(LEFT + (index * (WIDTH - LEFT - RIGHT)) / Math.max(1, labels.length - 1));
  const y = (ratio: number) =>
    round(TOP + ((high - Math.log2(ratio)) / (high - low)) * (HEIGHT - TOP - BOTTOM));
  const steps = Array.from({ length: high - low + 1 }, (_, index) => 2 ** (low + index));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">`,
    STYLE,
    `<text class="title" x="${LEFT}" y="20">${title}</text>`,
    ...steps.map(
      (step) =>
        `<path class="${step === 1 ? 'one' : 'grid'}" d="M${LEFT} ${y(step)}H${WIDTH - RIGHT}"/>` +
        `<text class="end" x="${LEFT - 6}" y="${y(step) + 4}">${step}</text>`,
    ),
    ...labels.map(
      (label, index) => `<text class="middle" x="${x(index)}" y="${HEIGHT - 12}">${label}</text>`,
    ),
    `<text x="${WIDTH - RIGHT + 8}" y="${y(1) + 4}">files</text>`,
    ...lines.flatMap(({ name, values }) => {
      const points = values.flatMap((value, index) =>
        value === undefined ? [] : [{ x: x(index), y: y(value) }],
      );
      const last = points.at(-1);
      if (last === undefined) return [];
      const path = points.map((point) => `${point.x} ${point.y}`).join('L');
      return [
        `<g class="${name}"><path d="M${path}"/>`,
        ...points.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="3"/>`),
        `<text x="${last.x + 8}" y="${last.y + 4}">${name}</text></g>`,
      ];
    }),
    '</svg>\n',
  ].join('\n');
}

const round = (value: number): number => Math.round(value * 10) / 10;

const STYLE = `<style>
svg { --ink: #24292f; --faint: #d0d7de; --cellar: #8a3ffc; --diskcache: #0072b2; --joblib: #b35900 }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #3d444d; --cellar: #be95ff; --diskcache: #56b4e9; --joblib: #f0a35e }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.title { font-weight: 600; font-size: 14px }
.end { text-anchor: end }
.middle { text-anchor: middle }
path { fill: none; stroke-width: 2 }
.grid { stroke: var(--faint); stroke-width: 1 }
.one { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4 }
.cellar { --own: var(--cellar) }
.diskcache { --own: var(--diskcache) }
.joblib { --own: var(--joblib) }
g path { stroke: var(--own) }
g circle, g text { fill: var(--own) }
</style>`;
