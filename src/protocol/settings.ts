/**
 * A number in the user's settings, in whose place anything may stand: VS Code marks what its page
 * would not take, and hands it on all the same.
 * @returns `otherwise`, the default, for what is no number of at least `least`
 */
export function numberSetting(value: unknown, least: number, otherwise: number): number {
  return typeof value === 'number' && value >= least ? value : otherwise;
}
