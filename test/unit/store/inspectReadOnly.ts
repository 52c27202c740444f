/** Run by readOnly.test.ts in a process of its own: looks at a cache without permission to write. */
import { CacheError } from '../../../src/store/database/CacheError';
import { SqliteLoader } from '../../../src/store/SqliteLoader';

/** The user and group nobody, by the number that every Linux and macOS keeps free of rights. */
const nobody = 65534;

async function inspect(path: string): Promise<object> {
  try {
    const loader = await SqliteLoader.open(path);
    const [app] = await loader.apps();
    const [item] = await loader.items(1);
    const value = item && (await loader.values.inline(item));
    const clear = await loader.clearApp(1).then(
      () => undefined,
      (error: unknown) => tell(error),
    );
    await loader.close();
    return {
      apps: app === undefined ? 0 : 1,
      bytes: value?.kind === 'bytes' ? value.bytes.toString() : undefined,
      clear,
    };
  } catch (error) {
    return { error: tell(error) };
  }
}

function tell(error: unknown): object {
  if (!(error instanceof CacheError)) throw error;
  return { kind: error.kind, message: error.message };
}

async function main(): Promise<void> {
  // Modules are loaded by now: nobody may not be able to read them.
  if (process.getuid?.() === 0) {
    process.setgroups?.([]);
    process.setgid?.(nobody);
    process.setuid?.(nobody);
  }
  const findings = await inspect(process.argv[2] ?? '');
  process.send?.(findings, () => {
    process.disconnect();
  });
}

void main();
