import type { RandomPage, TreeNode, TreePage } from '../../protocol/pages';
import type { ByteSource } from '../ByteSource';
import { picturesIn } from '../pictures';
import { sizeText } from '../shorten';
import { parseTree } from './parseTree';
import { generatorsIn } from './randomStates';

/** Bytes of a JSON text that are read. A tree of more than that is nothing that people look through. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The tree of a JSON text; of states of random numbers, whose they are. */
export function jsonPage(source: ByteSource): TreePage | RandomPage {
  const page = treePage(source);
  const generators = page.incomplete === undefined ? generatorsIn(page.root) : undefined;
  return generators === undefined ? page : { kind: 'random', generators };
}

/** The tree of a JSON text; of a cached function's or block's, of its result, and of what a cell printed, of its parts. What is damaged or too long is shown up to there, with the reason. */
function treePage(source: ByteSource): TreePage {
  const length = Math.min(source.size, MAX_BYTES);
  const text = new TextDecoder().decode(source.read(0, length));
  const { root, problem } = parseTree(text);
  const incomplete =
    length < source.size
      ? `Only the first ${sizeText(length)} of ${sizeText(source.size)} are shown.`
      : problem;
  return {
    kind: 'tree',
    root: incomplete === undefined ? printedIn(resultIn(root), text) : root,
    incomplete,
  };
}

/**
 * The tree of a manifest of marimo's, `Manifest` in marimo/_save/stubs/lazy_stub.py, and before it the
 * values that stand in it: numbers, texts and the like have no bytes of their own. They come by name, as the
 * values that have: marimo writes them in an order of its own.
 */
export function manifestPage(source: ByteSource): TreePage {
  const page = treePage(source);
  const { root } = page;
  const defs = member(root, 'defs')?.children ?? [];
  const returned = member(member(root, 'meta'), 'return_value');
  // Nothing is what a cell shows that ends with no expression.
  const isShown = returned?.children !== undefined && returned.children.length > 0;
  const byName = [...defs].sort((a, b) => names.compare(a.key, b.key));
  const items = isShown ? [...byName, { ...returned, key: 'output' }] : byName;
  const values = items.flatMap((item) => inlineIn(item) ?? []);
  if (values.length === 0) return page;
  const children = [...values, { ...root, key: 'manifest' }];
  return { ...page, root: { key: '', type: 'object', text: String(children.length), children } };
}

const names = new Intl.Collator('en', { numeric: true });

/** The value that an item of a manifest holds itself; `undefined` of one that stands elsewhere. */
function inlineIn({ key, type, children = [] }: TreeNode): TreeNode | undefined {
  if (type !== 'object') return undefined;
  const [only, another] = children;
  // marimo leaves out what is `None`.
  if (only === undefined) return { key, type: 'null', text: 'null' };
  if (another !== undefined) return undefined;
  if (only.key === 'primitive') return { ...only, key };
  return only.key === 'special_float' ? { ...only, key, type: 'number' } : undefined;
}

const member = (node: TreeNode | undefined, key: string): TreeNode | undefined =>
  node?.children?.find((each) => each.key === key);

/** marimo's record of a cached function or block, `Cache` in marimo/_save/cache.py. */
const RECORD = ['defs', 'hash', 'cache_type', 'stateful_refs', 'hit', 'meta'];

/** Of such a record, what the function returned or the block's variables held; else the tree as it is. */
function resultIn(root: TreeNode): TreeNode {
  const members = new Map(root.children?.map((each) => [each.key, each]));
  const isRecord = members.size === RECORD.length && RECORD.every((key) => members.has(key));
  const defs = members.get('defs')?.children;
  if (root.type !== 'object' || !isRecord || defs === undefined) return root;
  const returned = member(members.get('meta'), 'return');
  if (defs.length === 0) return returned === undefined ? root : { ...returned, key: '' };
  const all =
    returned === undefined || returned.type === 'null'
      ? defs
      : [...defs, { ...returned, key: 'output' }];
  return { key: '', type: 'object', text: String(all.length), children: all };
}

/** A stream, or what marimo shows among what is printed, by its MIME type. */
const PRINTED = /^(?:stdout|stderr|[a-z]+\/[\w.+-]+)$/;

/**
 * Of what a cell printed, `Printed` in python/marimo_cellar/_marimo/printed.py, its parts by where they
 * went, pictures as such; else the tree as it is.
 * @param text that the tree is of, which cuts what is long
 */
function printedIn(root: TreeNode, text: string): TreeNode {
  const parts = root.type === 'array' ? (root.children ?? []) : [];
  const texts = parts.flatMap(({ type, children = [] }) => {
    const [only] = children;
    const isPart = type === 'object' && children.length === 1 && only?.type === 'string';
    if (!isPart || !PRINTED.test(only.key)) return [];
    // The end of its last line is nothing to look at.
    return [{ ...only, text: only.text.replace(/\n$/, '') }];
  });
  if (texts.length === 0 || texts.length < parts.length) return root;
  if (texts.every(({ key }) => !key.includes('/'))) return { ...root, children: texts };
  const whole = JSON.parse(text) as readonly Readonly<Record<string, string>>[];
  const children = texts.map((each, at) => pictureIn(each.key, whole[at]?.[each.key]) ?? each);
  return { ...root, children };
}

/** What marimo sends a plot as: the same thing in several MIME types, as JSON. */
const BUNDLE = 'application/vnd.marimo+mimebundle';

/** The picture that was shown, if it was one. */
function pictureIn(type: string, shown: unknown): TreeNode | undefined {
  if (typeof shown !== 'string') return undefined;
  if (type === BUNDLE) {
    const inBundle = Object.values(membersOf(shown));
    return inBundle.map((each) => pictureIn('', each)).find((each) => each !== undefined);
  }
  const [found] = picturesIn(shown);
  return found?.picture === shown ? found : undefined;
}

function membersOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
