import { spawn } from 'node:child_process';

export interface Outcome {
  /** The exit code; `undefined` when the program could not be started or was stopped. */
  readonly code: number | undefined;
  readonly stdout: string;
  /** What it said, both streams in the order in which they came. */
  readonly output: string;
}

/**
 * Runs a program without a shell and waits for its end.
 * @param options.signal stops it
 * @param options.onOutput is called with what it says as it comes
 */
export function run(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly signal?: AbortSignal;
    readonly onOutput?: (text: string) => void;
  } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    let [stdout, output] = ['', ''];
    const child = spawn(command, args, {
      cwd: options.cwd,
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const take = (text: string) => {
      output += text;
      options.onOutput?.(text);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      take(text);
    });
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) => {
      resolve({ code: undefined, stdout, output: output + error.message });
    });
    child.on('close', (code) => {
      resolve({ code: code ?? undefined, stdout, output });
    });
  });
}
