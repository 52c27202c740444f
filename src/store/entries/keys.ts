import {
  cacheTypes,
  formats,
  type CacheType,
  type EntryKey,
  type Format,
  type NewItem,
} from '../rows';

/**
 * marimo's store keys, as `python/marimo_cellar/keys.py` reads them; `test/fixtures/keys.json` holds
 * for both. `entry` is the whole of an entry or its manifest, `part` a value of one whose manifest
 * comes last, `notebook` marimo's own list of a notebook's keys, `other` stands for itself.
 */
export type Key =
  | { readonly kind: 'entry'; readonly entry: EntryKey }
  | { readonly kind: 'part'; readonly cacheName: string; readonly hash: string }
  | { readonly kind: 'notebook' }
  | { readonly kind: 'other'; readonly entry: EntryKey };

const entryKey = /^([^/]+)\/([PCEXDU])_([^/]+)\.(jsonl|pickle|json)$/;
/** The hash is a digest in base64; any other folder's file stands for itself. */
const partKey = /^([^/]+)\/([\w-]{20,})\/([^/]+)\.([a-z]+)$/;
/** `is_manifest_name` in marimo/_save/manifest.py. */
const notebookKey = /^[0-9A-Za-z._-]+-[0-9a-f]{16}\.json$/;

const loaders: Readonly<Record<string, string>> = { jsonl: 'lazy', pickle: 'pickle', json: 'json' };

export function readKey(key: string): Key {
  if (notebookKey.test(key)) return { kind: 'notebook' };
  const [, name, type, hash, suffix] = entryKey.exec(key) ?? [];
  if (name !== undefined && hash !== undefined && isCacheType(type)) {
    const loader = loaders[suffix ?? ''] ?? 'store';
    return { kind: 'entry', entry: { cacheName: name, cacheType: type, hash, loader } };
  }
  const [, cacheName, partHash, , ending] = partKey.exec(key) ?? [];
  if (cacheName !== undefined && partHash !== undefined && isFormat(ending)) {
    return { kind: 'part', cacheName, hash: partHash };
  }
  const slash = key.lastIndexOf('/');
  return {
    kind: 'other',
    entry: {
      cacheName: key.slice(0, Math.max(0, slash)),
      cacheType: 'U',
      hash: key.slice(slash + 1),
      loader: 'store',
    },
  };
}

/** The key that {@link readKey} reads as an entry; `undefined` for one that no loader of marimo made. */
export function keyOf({ cacheName, cacheType, hash, loader }: EntryKey): string | undefined {
  const [suffix] = Object.entries(loaders).find(([, each]) => each === loader) ?? [];
  return suffix && `${cacheName}/${cacheType}_${hash}.${suffix}`;
}

/** What people call a key's value: the name of its variable. */
export function stemOf(key: string): string {
  const file = key.slice(key.lastIndexOf('/') + 1);
  return file.slice(0, Math.max(0, file.lastIndexOf('.'))) || file;
}

export function formatOf(key: string): Format {
  const file = key.slice(key.lastIndexOf('/') + 1);
  const suffix = file.slice(file.lastIndexOf('.') + 1);
  if (suffix === 'jsonl') return 'manifest';
  return isFormat(suffix) ? suffix : 'bin';
}

/** A value as far as its key tells of it. */
export function itemOf(key: string, content: NewItem['content']): NewItem {
  return { key, name: stemOf(key), format: formatOf(key), typeHint: undefined, content };
}

function isCacheType(letter: string | undefined): letter is CacheType {
  return cacheTypes.some((each) => each === letter);
}

function isFormat(ending: string | undefined): ending is Format {
  return formats.some((each) => each === ending);
}
