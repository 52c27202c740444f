/** One change of an environment variable, as VS Code's `EnvironmentVariableCollection` knows them. */
export interface Mutation {
  readonly kind: 'prepend' | 'replace';
  readonly value: string;
}

/**
 * What puts a folder on `PYTHONPATH`. Python takes an empty entry for the working directory, so none
 * may come about, and a collection's `prepend` only concatenates: it cannot know whether there is a
 * value to separate from. So:
 * - to a value without empty entries we prepend, which leaves what other extensions and later changes
 *   of the variable contribute where it is;
 * - an unset variable is set, and one with an empty entry (`/a:`, which is seldom meant) or with our
 *   folder in it (VS Code was started from a terminal of ours) is replaced as a whole.
 *
 * `append` would have the same trouble, and would let any other `marimo_cellar` win.
 *
 * @param folder what to add, absolute
 * @param current the value as terminals would otherwise see it
 * @param separator the system's: `:` or `;`
 */
export function pythonPath(
  folder: string,
  current: string | undefined,
  separator: string,
): Mutation {
  const entries = (current ?? '').split(separator);
  if (entries.every((entry) => entry !== '' && entry !== folder)) {
    return { kind: 'prepend', value: folder + separator };
  }
  const others = entries.filter((entry) => entry !== '' && entry !== folder);
  return { kind: 'replace', value: [folder, ...others].join(separator) };
}

/**
 * The variable as VS Code hands it to terminals before extensions change it.
 * @param setting `terminal.integrated.env.*` of this system: a text sets, `null` removes
 * @param environment of the process
 */
export function inheritedPythonPath(
  setting: Readonly<Record<string, string | null>> | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const set = setting?.PYTHONPATH;
  if (set === undefined) return environment.PYTHONPATH;
  // VS Code replaces such references; other variables are paths, hence never empty.
  return set?.replace(/\$\{env:(\w+)\}/g, (_, name: string) => environment[name] ?? '');
}
