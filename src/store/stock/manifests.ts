/**
 * Manifests: what marimo's `lazy` loader writes last of an entry, as JSON. The schema is `Cache` in
 * marimo/_save/stubs/lazy_stub.py, and `python/marimo_cellar/values/manifests.py` judges them by the same
 * rules; `test/fixtures/imports.json` holds for both.
 */

/** As Python's `bytes.fromhex` takes it. */
const hex = /^(?:\s*[0-9a-f]{2})*\s*$/i;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The values that a manifest names: their keys, with the type of each where it says one.
 * @returns `undefined` for bytes that are no manifest.
 */
export function valuesNamedBy(
  manifest: Buffer,
): ReadonlyMap<string, string | undefined> | undefined {
  const content = parse(manifest);
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

/** The keys that a manifest signs, which are of values and of what the cell printed. */
export function keysSignedBy(manifest: Buffer): string[] {
  const content = parse(manifest);
  const meta = isRecord(content) ? content.meta : undefined;
  const signed = isRecord(meta) ? meta.blob_hashes : undefined;
  return isRecord(signed) ? Object.keys(signed) : [];
}

/**
 * Why marimo should not even see an entry, in a few words.
 * @param digests of the values that are there, by key
 */
export function manifestFault(
  manifest: Buffer,
  hash: string,
  digests: ReadonlyMap<string, string>,
): string | undefined {
  const unreadable = 'its manifest cannot be read';
  const content = parse(manifest);
  if (!isRecord(content) || !('hash' in content)) return unreadable;
  if (content.hash !== hash) return 'it holds another result';
  const { defs, meta = {} } = content;
  if (!isRecord(defs) || !isRecord(meta)) return unreadable;
  const output = meta.return_value;
  const named = [...Object.values(defs), ...(output ? [output] : [])];
  if (!named.every(isRecord)) return unreadable;
  const references = named.map(({ reference }) => reference).filter(Boolean);
  if (!references.every((each) => typeof each === 'string' && digests.has(each))) {
    return 'it is not whole';
  }
  // marimo checks these once more as it restores a signed entry. What is signed and no value, the entry
  // can do without.
  const { blob_hashes: signed = {} } = meta;
  if (!isRecord(signed)) return unreadable;
  for (const [key, digest] of Object.entries(signed)) {
    if (typeof digest !== 'string' || !hex.test(digest)) return unreadable;
    const found = digests.get(key);
    if (found !== undefined && found !== digest.replace(/\s/g, '').toLowerCase()) {
      return 'its bytes are not those that were signed';
    }
  }
  return undefined;
}

/** The same of an entry that marimo's `json` loader wrote, as one object. */
export function jsonFault(whole: Buffer, hash: string): string | undefined {
  const content = parse(whole);
  // marimo reads it from `key` where there is one.
  const key = isRecord(content) && 'key' in content ? content.key : content;
  if (!isRecord(content) || !isRecord(key) || !('hash' in key)) return 'it cannot be read';
  // marimo stumbles over these only once it has taken the entry for a hit.
  const { meta, defs } = content;
  if (!isRecord(meta) || !isRecord(defs)) return 'it cannot be read';
  const { runtime = 0 } = meta;
  if (typeof runtime !== 'number' && typeof runtime !== 'boolean') return 'it cannot be read';
  return key.hash === hash ? undefined : 'it holds another result';
}

/** @returns `undefined` for bytes that are no JSON of Python's. */
function parse(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    try {
      return JSON.parse(text);
    } catch {
      // Python writes numbers that JSON does not know; their values do not matter here.
      return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g, jsonNumber));
    }
  } catch {
    return undefined;
  }
}

function jsonNumber(token: string): string {
  return token.startsWith('"') ? token : '0';
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
