/**
 * Does something with each of several caches. One that cannot be read, as one of a newer format, keeps
 * nobody from the others.
 * @param paths of their databases
 * @param failed called with what `work` threw for one of them, where another one could be worked on
 * @throws the first of these where none could, and whatever is thrown once `signal` is aborted
 */
export async function eachCache<T>(
  paths: readonly string[],
  signal: AbortSignal,
  work: (path: string) => Promise<T>,
  failed: (error: unknown) => void,
): Promise<T[]> {
  const done: T[] = [];
  const faults: unknown[] = [];
  for (const path of paths) {
    try {
      done.push(await work(path));
    } catch (error) {
      if (signal.aborted) throw error;
      faults.push(error);
    }
  }
  if (done.length === 0 && faults.length > 0) throw faults[0];
  faults.forEach(failed);
  return done;
}
