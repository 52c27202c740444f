import { fileURLToPath } from 'node:url';

/**
 * @param uri of a document
 * @returns the absolute path of its file; `undefined` where it is of no file here, such as one on another
 * host, of which only Windows makes a path.
 */
export function fileOf(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}
