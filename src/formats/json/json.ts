import type { TreeNode, TreePage } from '../../protocol/pages';
import type { ByteSource } from '../ByteSource';
import { sizeText } from '../shorten';
import { parseTree } from './parseTree';

/** Bytes of a JSON text that are read. A tree of more than that is nothing that people look through. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The tree of a JSON text, and of a cached function's or block's, of its result. What is damaged or too long is shown up to there, with the reason. */
export function jsonPage(source: ByteSource): TreePage {
  const length = Math.min(source.size, MAX_BYTES);
  const text = new TextDecoder().decode(source.read(0, length));
  const { root, problem } = parseTree(text);
  const incomplete =
    length < source.size
      ? `Only the first ${sizeText(length)} of ${sizeText(source.size)} are shown.`
      : problem;
  return { kind: 'tree', root: incomplete === undefined ? resultIn(root) : root, incomplete };
}

/** marimo's record of a cached function or block, `Cache` in marimo/_save/cache.py. */
const RECORD = ['defs', 'hash', 'cache_type', 'stateful_refs', 'hit', 'meta'];

/** Of such a record, what the function returned or the block's variables held; else the tree as it is. */
function resultIn(root: TreeNode): TreeNode {
  const members = new Map(root.children?.map((each) => [each.key, each]));
  const isRecord = members.size === RECORD.length && RECORD.every((key) => members.has(key));
  const defs = members.get('defs')?.children;
  if (root.type !== 'object' || !isRecord || defs === undefined) return root;
  const returned = members.get('meta')?.children?.find(({ key }) => key === 'return');
  if (defs.length === 0) return returned === undefined ? root : { ...returned, key: '' };
  const all = returned === undefined || returned.type === 'null' ? defs : [...defs, returned];
  return { key: '', type: 'object', text: String(all.length), children: all };
}
