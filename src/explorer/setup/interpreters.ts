import { realpath } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { run } from './run';

/** A Python that can be asked, and what stands in its way or is already there. */
export interface Interpreter {
  readonly executable: string;
  /** `3.12.4` */
  readonly version: string;
  /** The environment's folder. */
  readonly prefix: string;
  /** Where packages without binaries go. */
  readonly purelib: string;
  readonly pip: boolean;
  /** The system's package manager owns it and nobody else may install into it (PEP 668). */
  readonly managed: boolean;
  /** The installed version of marimo. */
  readonly marimo: string | undefined;
  /** The installed version of marimo_cellar. */
  readonly cellar: string | undefined;
}

/**
 * `-I` keeps `PYTHONPATH` out, on which our own package may be: only what is installed counts, as it
 * does for a kernel that inherits no terminal's environment.
 */
const probe = [
  'import importlib.metadata as m, importlib.util as u, json, os, sys, sysconfig',
  'def version(name):',
  '    try: return m.version(name)',
  '    except m.PackageNotFoundError: return None',
  "in_venv = sys.prefix != getattr(sys, 'base_prefix', sys.prefix)",
  "marker = os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED')",
  'print(json.dumps({',
  "    'executable': sys.executable, 'prefix': sys.prefix,",
  "    'version': '.'.join(map(str, sys.version_info[:3])),",
  "    'purelib': sysconfig.get_path('purelib'),",
  "    'pip': u.find_spec('pip') is not None,",
  "    'managed': not in_venv and os.path.exists(marker),",
  "    'marimo': version('marimo'), 'cellar': version('marimo_cellar'),",
  '}))',
].join('\n');

/** Milliseconds in which a Python answers, that of a slow network drive too. */
const patience = 20_000;

/**
 * @param within milliseconds after which it is stopped: a program of that name may wait for its user, as
 * the one does by which Windows offers to install Python.
 * @returns `undefined` where the file is no Python that answers
 */
export async function ask(
  executable: string,
  signal?: AbortSignal,
  within = patience,
): Promise<Interpreter | undefined> {
  const late = AbortSignal.timeout(within);
  const { code, stdout } = await run(executable, ['-I', '-c', probe], {
    signal: signal === undefined ? late : AbortSignal.any([signal, late]),
  });
  return code === 0 ? parseAnswer(stdout) : undefined;
}

/** Parses what the probe prints, the last line of it: a site hook may print before. */
export function parseAnswer(stdout: string): Interpreter | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { executable, version, prefix, purelib, pip, managed, marimo, cellar } = answer as Record<
    string,
    unknown
  >;
  if (
    typeof executable !== 'string' ||
    typeof version !== 'string' ||
    typeof prefix !== 'string' ||
    typeof purelib !== 'string'
  ) {
    return undefined;
  }
  return {
    executable,
    version,
    prefix,
    purelib,
    pip: pip === true,
    managed: managed === true,
    marimo: typeof marimo === 'string' ? marimo : undefined,
    cellar: typeof cellar === 'string' ? cellar : undefined,
  };
}

/** Asks all of them and keeps one a environment, in the order in which they were given. */
export async function askAll(executables: readonly string[]): Promise<Interpreter[]> {
  const answers = await Promise.all([...new Set(executables)].map((executable) => ask(executable)));
  const environments = new Map<string, Interpreter>();
  for (const answer of answers) {
    if (answer === undefined) continue;
    const prefix = await realpath(answer.prefix).catch(() => answer.prefix);
    if (!environments.has(prefix)) environments.set(prefix, answer);
  }
  return [...environments.values()];
}

/** The interpreter of a virtual environment. */
export function interpreterOf(environment: string): string {
  return process.platform === 'win32'
    ? path.join(environment, 'Scripts', 'python.exe')
    : path.join(environment, 'bin', 'python');
}
