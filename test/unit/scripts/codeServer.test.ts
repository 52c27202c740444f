import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

const scripts = path.resolve(__dirname, '../../../scripts/codeServer.mjs');

for (const signal of ['SIGINT', 'SIGHUP'] as const) {
  test(
    `a VS Code that is about to be served ends with the script that gets ${signal}`,
    { timeout: 60_000 },
    async (t) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'cellar-scripts-'));
      t.after(() => rm(folder, { recursive: true }));
      // What stands for VS Code connects to us, never answers a browser, and is gone when it hangs up.
      const heard = createServer().listen(0, '127.0.0.1');
      t.after(() => heard.close());
      await once(heard, 'listening');
      const { port } = heard.address() as AddressInfo;
      const entry = path.join(folder, 'entry.cjs');
      await writeFile(entry, `require('node:net').connect(${port}, '127.0.0.1');`);
      const script = path.join(folder, 'script.mjs');
      await writeFile(
        script,
        `import { serve } from ${JSON.stringify(pathToFileURL(scripts).href)};
await serve({ node: process.execPath, entry: ${JSON.stringify(entry)} }, ${JSON.stringify(folder)});`,
      );
      const serving = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [socket] = (await once(heard, 'connection')) as [Socket];
      const hungUp = once(socket.resume(), 'close');
      const ended = once(serving, 'exit');
      serving.kill(signal);
      await Promise.all([hungUp, ended]);
      assert.equal(serving.signalCode, null, 'it took its time to end');
    },
  );
}
