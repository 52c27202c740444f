/**
 * Whether a path leads to another host than a folder does. What a stranger's database or project says may
 * do so on Windows (`\\host\share`), which merely to be looked at would be sent the user's credentials.
 * @param file, folder absolute, as `path.resolve` gives them: elsewhere than on Windows none begins so
 */
export function isOnAnotherHost(file: string, folder: string): boolean {
  const host = hostOf(file);
  // `\\?\` and `\\.\` are not hosts, and what follows may be one.
  return host !== undefined && ('?.'.includes(host) || host !== hostOf(folder));
}

function hostOf(file: string): string | undefined {
  return /^\\\\([^\\]*)/.exec(file)?.[1]?.toLowerCase();
}
