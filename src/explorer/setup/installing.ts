import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Interpreter } from './interpreters';
import { run } from './run';

/** One way to install a wheel, as a program and its arguments, or why there is none. */
export type Way =
  | {
      readonly kind: 'pip' | 'uv' | 'unpack';
      readonly command: string;
      readonly args: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: 'managed' | 'tooOld' };

/**
 * How to bring the wheel into an environment. An environment without pip, as `uv venv` makes them, is
 * uv's; where uv is not to be found either, the wheel is unpacked, which for a package of Python
 * files is what an installer does.
 *
 * @param uv the program uv, where there is one
 */
export function wayToInstall(interpreter: Interpreter, wheel: string, uv: string | undefined): Way {
  const { executable, managed, pip, purelib, version } = interpreter;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 3 || (major === 3 && minor < 10)) return { kind: 'refused', why: 'tooOld' };
  if (managed) return { kind: 'refused', why: 'managed' };
  if (pip) {
    const options = ['--no-deps', '--force-reinstall', '--no-input', '--disable-pip-version-check'];
    return {
      kind: 'pip',
      command: executable,
      args: ['-m', 'pip', 'install', ...options, wheel],
    };
  }
  if (uv !== undefined) {
    const options = ['--no-deps', '--reinstall', '--python', executable];
    return { kind: 'uv', command: uv, args: ['pip', 'install', ...options, wheel] };
  }
  return {
    kind: 'unpack',
    command: executable,
    args: ['-I', '-m', 'zipfile', '-e', wheel, purelib],
  };
}

/** Installing came to nothing. */
export class InstallFailure extends Error {
  override readonly name = 'InstallFailure';
  constructor(
    readonly why: 'managed' | 'tooOld' | 'failed',
    /** The installer's last words, where it was asked. */
    readonly detail = '',
  ) {
    super(detail === '' ? why : `${why}: ${detail}`);
  }
}

/**
 * Installs the wheel, in the place of any version that is there.
 * @param options.signal stops the installer, without a failure
 * @throws InstallFailure
 */
export async function install(
  interpreter: Interpreter,
  wheel: string,
  options: {
    readonly signal: AbortSignal;
    readonly onOutput: (text: string) => void;
    /** The program uv, by its name or path. */
    readonly uv?: string;
  },
): Promise<void> {
  const { signal, onOutput, uv = 'uv' } = options;
  const hasUv = (await run(uv, ['--version'], { signal })).code === 0;
  const way = wayToInstall(interpreter, wheel, hasUv ? uv : undefined);
  if (way.kind === 'refused') throw new InstallFailure(way.why);
  if (way.kind === 'unpack') await removeFrom(interpreter.purelib);
  onOutput([way.command, ...way.args].join(' '));
  const { code, output } = await run(way.command, way.args, { signal, onOutput });
  if (code === 0 || signal.aborted) return;
  throw new InstallFailure('failed', output.trim().split('\n').at(-1));
}

/** Takes away what an earlier installation by hand, or an installer, left. */
async function removeFrom(purelib: string): Promise<void> {
  for (const name of await readdir(purelib)) {
    if (!/^marimo_cellar(-.*\.dist-info)?$/.test(name)) continue;
    await rm(path.join(purelib, name), { recursive: true });
  }
}
