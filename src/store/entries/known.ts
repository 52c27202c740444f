/** What is known of something, without the properties that are not: what few have is left out of the rest. */
export function known<T extends object>(
  all: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(all).filter(([, value]) => value !== undefined);
  // What is left of T, of which TypeScript does not know that it is.
  return Object.fromEntries(there) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
