const SIZES = ['100B', '1kB', '10kB', '100kB', '1MB', '10MB', '100MB'];

/** What the first benchmark promised: Cellar's ratio to marimo's file store, by work and size. */
const GOALS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  put: bySize(0.35, 0.35, 0.6, 1.2, 1.2, 1.2, 1.2),
  // From 100 kB on with our check; without it, where marimo checks, see entry6-get.
  'get-hot': { ...bySize(0.35, 0.35, 0.5), '100kB': 1.4 },
  'get-cold': bySize(0.3, 0.3, 1, 1, 1, 1, 1),
  entry6: bySize(0.35, 0.35, 0.6, 1.2, 1.2, 1.2),
  'entry6-get': bySize(0.35, 0.35, 0.5, 1.1, 1.1, 1.1),
  mapped: { '10MB': 0.6, '100MB': 0.5, '1GB': 0.5 },
  'mapped-npy': { '10MB': 0.6, '100MB': 0.5, '1GB': 0.5 },
  'mapped-signed': { '10MB': 0.9, '100MB': 0.9, '1GB': 0.9 },
  'mapped-npy-signed': { '10MB': 0.9, '100MB': 0.9, '1GB': 0.9 },
  hit: { '': 0.45 },
  miss: { '': 0.45 },
  list: { '10k': 0.1, '100k': 0.1 },
  totals: { '10k': 0.001, '100k': 0.001 },
  clear: { '10k': 0.1, '100k': 0.1 },
  disk: bySize(0.25, 0.45, 0.95),
  threads8: { '1kB': 3, '100kB': 1.5, '1MB': 1 },
  procs4: { '1kB': 2, '100kB': 1, '1MB': 1 },
  'notebook-warm': { '20': 0.5, '200': 0.5, '1000': 0.5 },
  'notebook-warm-wall': { '20': 1, '200': 1, '1000': 1 },
  'notebook-cold': { '20': 0.5, '200': 0.5, '1000': 0.5 },
  'notebook-cold-wall': { '20': 1, '200': 1, '1000': 1 },
  'frames-warm': { '20x50MB': 1 },
  'frames-warm-wall': { '20x50MB': 1 },
};

function bySize(...ratios: number[]): Record<string, number> {
  return Object.fromEntries(
    ratios.map((ratio, index): [string, number] => [SIZES[index] ?? '', ratio]),
  );
}

/** @returns the goal of a case, or `undefined` where none was set */
export function goalOf(id: string): number | undefined {
  const [work = '', size = ''] = id.split('/');
  return GOALS[work]?.[size];
}
