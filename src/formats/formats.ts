/**
 * Bytes to a page. One function opens a value of any format; each format's folder or file below knows
 * how its bytes are laid out. Everything in here takes the bytes for a stranger's: lengths are checked
 * before they are believed, and nothing is executed.
 */
import { openArrow } from './arrow/ArrowTable';
import type { ByteSource } from './ByteSource';
import { bytesPage } from './bytes';
import { jsonPage, manifestPage } from './json/json';
import type { ValueFormat } from './messages';
import { npyPage } from './npy/npy';
import { openPickle } from './pickle/pickle';
import { whole, type Pause, type Value } from './Value';

/** @throws {DecodeError} when the bytes are not what `format` says they are */
export async function openValue(
  source: ByteSource,
  format: ValueFormat,
  pause: Pause,
): Promise<Value> {
  switch (format) {
    case 'arrow':
      return await openArrow(source, pause);
    case 'json':
      return whole(jsonPage(source));
    case 'manifest':
      return whole(manifestPage(source));
    case 'npy':
      return whole(npyPage(source));
    case 'pickle':
      return await openPickle(source, pause);
    // A `.pt` file is a ZIP archive around a pickle: its bytes say as much to most people.
    case 'pt':
    case 'bin':
      return whole(bytesPage(source));
    default:
      format satisfies never;
      return whole(bytesPage(source));
  }
}
