import { stat } from 'node:fs/promises';
import { editor } from '../test/environment';
import type { Figure } from './figures';

/** How large the extension is to download. */
export async function measure(): Promise<Figure[]> {
  const { size } = await stat(editor().vsix);
  return [{ what: 'Size of the .vsix', value: `${(size / 1e6).toFixed(2)} MB`, how: 'the file' }];
}
