/**
 * A text for a notification, in which VS Code makes a link of `[words](command:…)`: that would run
 * whatever a notebook, a database or a folder is named after, also in Restricted Mode.
 */
export function withoutLinks(text: string): string {
  return text.replaceAll('](', '] (');
}
