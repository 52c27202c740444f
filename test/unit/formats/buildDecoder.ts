import path from 'node:path';
import { build } from 'esbuild';

/** Builds the decoder as esbuild.mjs does. @returns its program, in the folder given */
export async function buildDecoder(folder: string): Promise<string> {
  await build({
    entryPoints: { decoder: path.join(import.meta.dirname, '../../../src/formats/decoder.ts') },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    outdir: folder,
    logLevel: 'error',
  });
  return path.join(folder, 'decoder.js');
}
