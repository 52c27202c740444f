import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { VsCode } from '../test/e2e/VsCode';

const run = promisify(execFile);

/** In milliseconds. */
export interface Delays {
  readonly max: number;
  readonly p99: number;
  /** The processor time of its thread in one turn of the loop, at most. */
  readonly worked: number;
  /** The same in all turns together. */
  readonly total: number;
}

/** Milliseconds that an answer may take. */
const PATIENCE = 60_000;

/** What is known of an extension host by the companion that runs in it (bench/host). */
export class Host {
  private constructor(private readonly port: number) {}

  /** Packs the companion. @returns the .vsix, for `VsCode.open` */
  static async pack(folder: string): Promise<string> {
    const file = path.join(folder, 'host.vsix');
    const root = path.resolve(import.meta.dirname, '..');
    const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const args = ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license'];
    await run(process.execPath, [vsce, ...args, '--out', file], {
      cwd: path.join(import.meta.dirname, 'host'),
    });
    return file;
  }

  /** Waits for the companion of an open window. @param portFile as its environment names it */
  static async in(vsCode: VsCode, portFile: string): Promise<Host> {
    let port = 0;
    await vsCode.eventually(async () => {
      port = Number(await readFile(portFile, 'utf8'));
    }, 60);
    return new Host(port);
  }

  /** How many milliseconds the host was busy with Cellar's start: reading its code, and `activate()`. */
  async start(): Promise<{ load: number; activate: number }> {
    const { load, activate } = (await this.ask('/start')) as Record<string, number | null>;
    // A mark that is not there yet makes no number.
    if (typeof load !== 'number' || typeof activate !== 'number') {
      throw new Error('Cellar was not seen to start');
    }
    return { load, activate };
  }

  /** Whether the host has loaded Cellar's native module. */
  async hasNativeModule(): Promise<boolean> {
    return ((await this.ask('/host')) as { native: boolean }).native;
  }

  /**
   * Runs the command that clears a cell of the first database that the window showed, of which
   * `generation` tells that it is the one that is meant.
   * @returns the milliseconds until the command had answered, the processor time that the host spent
   * within them, and by how many its event loop was late at most, until a second later
   */
  async clear(
    cellId: number,
    generation: string,
  ): Promise<{ took: number; worked: number; late: number }> {
    await this.ask('/delays/begin');
    const cleared = (await this.ask(
      `/clear?${new URLSearchParams({ cell: String(cellId), generation }).toString()}`,
    )) as { took: number; worked: number };
    await sleep(1000);
    return { ...cleared, late: ((await this.ask('/delays/end')) as { max: number }).max };
  }

  /** By how many milliseconds the host's event loop was late within some seconds, and why. */
  async delays(seconds: number): Promise<Delays> {
    await this.ask('/delays/begin');
    await sleep(seconds * 1000);
    return (await this.ask('/delays/end')) as Delays;
  }

  private async ask(what: string): Promise<unknown> {
    // A command that waits for an answer to a question would wait for ever.
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(`http://127.0.0.1:${this.port}${what}`, { signal });
    return response.json();
  }
}
