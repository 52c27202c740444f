/**
 * The values that a manifest names: their keys, with the type of each where it says one. Its schema is
 * `Cache` in marimo/_save/stubs/lazy_stub.py.
 * @returns `undefined` for bytes that are no manifest.
 */
export function valuesNamedBy(
  manifest: Buffer,
): ReadonlyMap<string, string | undefined> | undefined {
  let content: unknown;
  try {
    content = JSON.parse(manifest.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isRecord(content) || !isRecord(content.defs)) return undefined;
  const output = isRecord(content.meta) ? content.meta.return_value : undefined;
  const values = new Map<string, string | undefined>();
  for (const item of [...Object.values(content.defs), output]) {
    if (!isRecord(item) || typeof item.reference !== 'string') continue;
    const hint = item.type_hint;
    values.set(item.reference, typeof hint === 'string' ? hint : undefined);
  }
  return values;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
