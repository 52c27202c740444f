import type { TreePage } from '../../protocol/pages';
import type { ByteSource } from '../ByteSource';
import { sizeText } from '../shorten';
import { parseTree } from './parseTree';

/** Bytes of a JSON text that are read. A tree of more than that is nothing that people look through. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The tree of a JSON text. What is damaged or too long is shown up to there, with the reason. */
export function jsonPage(source: ByteSource): TreePage {
  const length = Math.min(source.size, MAX_BYTES);
  const text = new TextDecoder().decode(source.read(0, length));
  const { root, problem } = parseTree(text);
  const incomplete =
    length < source.size
      ? `Only the first ${sizeText(length)} of ${sizeText(source.size)} are shown.`
      : problem;
  return { kind: 'tree', root, incomplete };
}
