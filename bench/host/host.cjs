// A companion that only the benchmark installs: it answers, on loopback, what can be measured in the
// extension host alone. The port is left in the file that CELLAR_BENCH_PORT_FILE names.
const { writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const vscode = require('vscode');

/** Milliseconds between two looks at the loop; what a look is late by beyond them is the delay. */
const resolution = 1;

const delays = monitorEventLoopDelay({ resolution });
const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);

/** When the host did something with Cellar, in Unix milliseconds, by the marks that VS Code and Cellar leave. */
const markOf = (name) => {
  const own = performance.getEntriesByName(name, 'mark').at(-1);
  if (own !== undefined) return performance.timeOrigin + own.startTime;
  const entries = globalThis.MonacoPerformanceMarks?.getMarks?.() ?? [];
  return entries.findLast((mark) => mark.name === name)?.startTime;
};

const hostMark = (what) => markOf(`code/extHost/${what}/cellar.cellar`);

/**
 * Milliseconds of Cellar's start: reading its code, and `activate()`. What VS Code reports as
 * activation also has in it what other extensions do that start at the same time.
 */
const start = () => ({
  load: hostMark('didLoadExtensionCode') - hostMark('willLoadExtensionCode'),
  activate: markOf('cellar/didActivate') - hostMark('willActivateExtension'),
});

/**
 * The processor time of the thread in one turn of its loop, at most: unlike a delay it has none of the
 * time in it for which other programs had the processor. Node 24 tells it.
 */
const turns = {
  most: 0,
  total: 0,
  begin() {
    this.most = this.total = 0;
    let before = this.worked();
    this.timer = setInterval(() => {
      const now = this.worked();
      this.most = Math.max(this.most, now - before);
      this.total += now - before;
      before = now;
    }, resolution);
  },
  end() {
    clearInterval(this.timer);
  },
  worked() {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};

const answers = {
  '/delays/begin': () => {
    delays.reset();
    delays.enable();
    turns.begin();
    return {};
  },
  '/delays/end': () => {
    delays.disable();
    turns.end();
    return {
      max: milliseconds(delays.max),
      p99: milliseconds(delays.percentile(99)),
      worked: turns.most,
      total: turns.total,
    };
  },
  '/start': start,
  '/clear': async ({ searchParams }) => {
    const reference = {
      kind: 'cell',
      cache: 0,
      generation: searchParams.get('generation'),
      cellId: Number(searchParams.get('cell')),
    };
    const begun = performance.now();
    const before = process.cpuUsage();
    await vscode.commands.executeCommand('cellar.clearCellCache', reference);
    const { user, system } = process.cpuUsage(before);
    return { took: performance.now() - begun, worked: (user + system) / 1000 };
  },
  '/host': () => ({
    rss: process.memoryUsage.rss(),
    native: process.report
      .getReport()
      .sharedObjects.some((file) => file.endsWith('vscode-sqlite3.node')),
  }),
};

/** A view that needs nothing: what it takes to be there, any view takes. */
const still = { getChildren: () => ['still'], getTreeItem: (label) => new vscode.TreeItem(label) };

exports.activate = (context) => {
  context.subscriptions.push(vscode.window.registerTreeDataProvider('bench.still', still));
  const server = createServer(async ({ url }, response) => {
    const asked = new URL(url, 'http://127.0.0.1');
    const answer = answers[asked.pathname];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify((await answer?.(asked)) ?? {}));
  });
  server.listen(0, '127.0.0.1', () => {
    writeFileSync(process.env.CELLAR_BENCH_PORT_FILE, String(server.address().port));
  });
  context.subscriptions.push({ dispose: () => server.close() });
};
