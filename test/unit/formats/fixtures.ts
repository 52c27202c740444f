/** What the tests of this folder share: the files of `make.py`, and ways to look at them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page, PageRequest } from '../../../src/protocol/pages';
import { bytesSource, type ByteSource } from '../../../src/formats/ByteSource';
import { openValue } from '../../../src/formats/formats';
import type { Pause } from '../../../src/formats/Value';
import type { ValueFormat } from '../../../src/formats/messages';

const FOLDER = path.join(import.meta.dirname, '../../fixtures/formats');

export interface TableExpectation {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface ArrayExpectation {
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly readable: boolean;
  readonly rows?: readonly (readonly string[])[];
  readonly truncated?: boolean;
}

interface Expected {
  readonly tables: Readonly<Record<string, TableExpectation | { readonly as: string }>>;
  readonly arrays: Readonly<Record<string, ArrayExpectation>>;
  readonly pickles: Readonly<Record<string, readonly string[]>>;
}

export const expected = JSON.parse(
  readFileSync(path.join(FOLDER, 'expected.json'), 'utf8'),
) as Expected;

export function fixturePath(name: string): string {
  return path.join(FOLDER, name);
}

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

export const noPause: Pause = () => Promise.resolve();

export const ALL: PageRequest = {
  from: 0,
  count: 200,
  allowCostly: true,
  maxBatchSize: 64 * 1024 * 1024,
};

export async function pageOf(
  from: Uint8Array | ByteSource,
  format: ValueFormat,
  request: Partial<PageRequest> = {},
): Promise<Page> {
  const source = from instanceof Uint8Array ? bytesSource(from) : from;
  const value = await openValue(source, format, noPause);
  return await value.page({ ...ALL, ...request }, noPause);
}

/** Fails the test unless the page is of this kind. */
export function as<K extends Page['kind']>(kind: K, page: Page): Extract<Page, { kind: K }> {
  if (page.kind !== kind) throw new Error(`A ${page.kind} page came instead of a ${kind} page.`);
  // The tag was just compared, which the compiler does not follow through a type parameter.
  return page as Extract<Page, { kind: K }>;
}

/** Counts what is read from bytes, by range. */
export class CountingSource implements ByteSource {
  readonly size: number;
  readonly ranges: [number, number][] = [];
  readonly #bytes: ByteSource;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytesSource(bytes);
    this.size = bytes.length;
  }

  get count(): number {
    return this.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  reset(): void {
    this.ranges.length = 0;
  }

  read(offset: number, length: number): Uint8Array {
    this.ranges.push([offset, offset + length]);
    return this.#bytes.read(offset, length);
  }

  close(): void {
    this.#bytes.close();
  }
}
