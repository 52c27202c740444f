import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { VsCode } from '../test/e2e/VsCode';
import { benchPython } from '../test/environment';
import { Host } from './Host';

const run = promisify(execFile);

/** How many windows a figure is the median of. */
export const ROUNDS = 5;

/** Fresh windows of VS Code, each with the companion that looks at its extension host. */
export class Windows {
  private count = 0;

  private constructor(
    private readonly folder: string,
    private readonly companion: string,
  ) {}

  /** Does the work with windows on folders below one that is removed after it. */
  static async within<T>(work: (windows: Windows, folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
    try {
      return await work(new Windows(folder, await Host.pack(folder)), path.join(folder, 'shown'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Opens a window on a folder, hands it over once Cellar is active, and closes it. */
  async use<T>(
    shown: string,
    work: (vsCode: VsCode, host: Host) => Promise<T>,
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<T> {
    const portFile = path.join(this.folder, `port-${this.count++}`);
    const vsCode = await VsCode.open({
      folder: shown,
      companions: [this.companion],
      environment: { CELLAR_BENCH_PORT_FILE: portFile },
      settings,
    });
    try {
      return await work(vsCode, await Host.in(vsCode, portFile));
    } finally {
      await vsCode.close();
    }
  }

  /** The same in several windows, one after the other. */
  async each<T>(shown: string, work: (vsCode: VsCode, host: Host) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    for (let round = 0; round < ROUNDS; round++) results.push(await this.use(shown, work));
    return results;
  }
}

/** Fills a folder with notebooks and their cache. @param entries of each cell */
export async function populate(
  folder: string,
  notebooks: number,
  cells: number,
  entries: number,
): Promise<void> {
  const counts = { notebooks, cells, entries };
  const args = Object.entries(counts).flatMap(([name, count]) => [`--${name}`, String(count)]);
  await python('stores.population', folder, ...args);
}

/** Saves into such a folder as a kernel does. @param rate entries a second */
export async function save(folder: string, rate: number, seconds: number): Promise<void> {
  await python('stores.saving', folder, '--rate', String(rate), '--seconds', String(seconds));
}

async function python(program: string, folder: string, ...args: string[]): Promise<void> {
  const package_ = path.resolve(import.meta.dirname, '..', 'python');
  await run(benchPython(), ['-m', program, folder, '--package', package_, ...args], {
    cwd: import.meta.dirname,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
}
