/**
 * A text for a line of a list to choose from, in which VS Code draws an icon for `$(name)`: a prompt or a
 * name that has this is shown as it is but for a space.
 */
export function withoutIcons(text: string): string {
  return text.replaceAll('$(', '$ (');
}
