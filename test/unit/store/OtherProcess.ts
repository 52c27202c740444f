import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from './cacheFolder';

/** Another process with the same database open, as a kernel has it. */
export class OtherProcess {
  #sent = 0;

  private constructor(private readonly child: ChildProcess) {
    child.setMaxListeners(0);
  }

  static async start(t: TestContext, path: string): Promise<OtherProcess> {
    const child = fork(join(__dirname, 'otherProcess.cjs'), [path], { execArgv: [] });
    const other = new OtherProcess(child);
    atEnd(t, async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    });
    await other.#answer(0);
    return other;
  }

  /** Runs statements there and waits until they are done. */
  async run(sql: string): Promise<void> {
    const id = ++this.#sent;
    const answer = this.#answer(id);
    this.child.send({ id, sql });
    await answer;
  }

  async #answer(id: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const receive = (message: { id: number; error?: string }) => {
        if (message.id !== id) return;
        this.child.off('message', receive);
        if (message.error === undefined) resolve();
        else reject(new Error(message.error));
      };
      this.child.on('message', receive);
    });
  }
}
