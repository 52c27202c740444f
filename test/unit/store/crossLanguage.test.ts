import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { BlobFile, Bytes, EntrySummary } from '../../../src/store/rows';
import { makeFolder, openCache, runSql } from './cacheFolder';
import { describeCache } from './describeCache';

const fixtures = join(__dirname, '../../fixtures/store');

/** The layout of `expected.json`, which both languages write and read. */
interface Expected {
  readonly application_id: number;
  readonly user_version: number;
  readonly apps: readonly {
    readonly app_id: number;
    readonly path: string;
    readonly cells: readonly ExpectedCell[];
  }[];
  readonly lookups: readonly {
    readonly cell_id: number;
    readonly cache_name: string;
    readonly hash: string;
    readonly outcome: string;
  }[];
}

interface ExpectedCell {
  readonly cell_id: number;
  readonly name: string | null;
  readonly ordinal: number;
  readonly code: string;
  readonly defs: string;
  readonly retired_at: number | null;
  readonly entry_count: number;
  readonly size: number;
  readonly runtime: number;
  readonly entries: readonly ExpectedEntry[];
}

interface ExpectedEntry {
  readonly entry_id: number;
  readonly cache_name: string;
  readonly cache_type: string;
  readonly hash: string;
  readonly loader: string;
  readonly node: string | null;
  readonly runtime: number | null;
  readonly created_at: number;
  readonly last_hit_at: number | null;
  readonly hits: number;
  readonly pinned: number;
  readonly versions: string;
  readonly items: readonly {
    readonly key: string;
    readonly name: string;
    readonly format: string;
    readonly type_hint: string | null;
    readonly digest: string;
    readonly size: number;
    readonly file: string | null;
  }[];
}

/** Opens a copy, since opening makes files and the fixtures stay as they are. */
async function openFixture(t: TestContext, language: string) {
  const folder = join(await makeFolder(t), 'project');
  await cp(join(fixtures, language, 'cache'), join(folder, '__marimo__', 'cache'), {
    recursive: true,
  });
  const path = join(folder, '__marimo__', 'cache', 'cache.db');
  const text = await readFile(join(fixtures, language, 'expected.json'), 'utf8');
  const expected = JSON.parse(text) as Expected;
  return { loader: await openCache(t, path), path, folder, expected };
}

for (const language of ['python', 'typescript', '1.0', '1.1', '1.2']) {
  test(`what ${language} saved is listed completely`, async (t) => {
    const { loader, folder, expected } = await openFixture(t, language);
    const apps = await loader.apps();
    assert.deepEqual(
      apps.map(({ appId, path, notebook }) => ({ appId, path, notebook })),
      expected.apps
        .map(({ app_id, path }) => ({
          appId: app_id,
          path,
          notebook: join(folder, path.replace('../../', '')),
        }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    );
    for (const app of expected.apps) {
      const cells = await loader.cells(app.app_id);
      assert.deepEqual(
        cells.map((cell) => ({ ...cell, runtime: roughly(cell.runtime) })),
        await Promise.all(
          app.cells.map(async (cell) => ({
            ...(await loader.cell(cell.cell_id)),
            cellId: cell.cell_id,
            name: cell.name ?? undefined,
            ordinal: cell.ordinal,
            code: cell.code,
            defs: JSON.parse(cell.defs) as string[],
            retiredAt: cell.retired_at ?? undefined,
            entries: cell.entry_count,
            size: cell.size,
            runtime: roughly(cell.runtime),
          })),
        ),
      );
      for (const cell of app.cells) {
        const entries = await loader.entries(cell.cell_id);
        assert.equal(entries.length, cell.entry_count);
        for (const entry of cell.entries) {
          const found = entries.find(({ entryId }) => entryId === entry.entry_id);
          assert.ok(found);
          assertEntry(found, entry);
        }
      }
    }
  });

  test(`what ${language} saved is found, whole and right to the byte`, async (t) => {
    const { loader, expected } = await openFixture(t, language);
    let values = 0;
    for (const { cells } of expected.apps) {
      for (const { cell_id, entries } of cells) {
        for (const entry of entries) {
          const lookup = await loader.lookup(cell_id, {
            cacheName: entry.cache_name,
            cacheType: entry.cache_type as EntrySummary['cacheType'],
            hash: entry.hash,
            loader: entry.loader,
          });
          assert.ok(lookup.kind === 'hit' && lookup.own);
          assert.equal(lookup.entry.entryId, entry.entry_id);
          const load = await loader.load(entry.entry_id);
          assert.ok(load.kind === 'hit', JSON.stringify(load));
          const byKey = new Map(load.items.map((loaded) => [loaded.item.key, loaded]));
          assert.equal(byKey.size, entry.items.length);
          for (const item of entry.items) {
            const loaded = byKey.get(item.key);
            assert.ok(loaded);
            const { name, format, typeHint, digest, size, file } = loaded.item;
            assert.deepEqual(
              { name, format, typeHint, digest, size, file },
              {
                name: item.name,
                format: item.format,
                typeHint: item.type_hint ?? undefined,
                digest: item.digest,
                size: item.size,
                file: item.file ?? undefined,
              },
            );
            const bytes = await read(loaded.content);
            assert.equal(createHash('sha256').update(bytes).digest('hex'), item.digest);
            const verdict = await loader.values.verify(loaded.item, { quarantine: false });
            assert.deepEqual(verdict, { kind: 'right' });
            values++;
          }
        }
      }
    }
    assert.ok(values >= 8);
  });

  test(`nodes that ${language} saved stand on nodes of the same notebook`, async (t) => {
    const { loader, expected } = await openFixture(t, language);
    let parents = 0;
    for (const { notebook, appId } of await loader.apps()) {
      const record = await loader.record(notebook);
      const nodes = new Map(record?.nodes.map((node) => [node.node, node]));
      for (const node of nodes.values()) {
        const parts = Buffer.from([node.codeDigest, ...node.parents].join(''), 'hex');
        assert.equal(createHash('sha256').update(parts).digest('hex'), node.node);
        assert.ok(node.parents.every((parent) => nodes.has(parent)));
        parents += node.parents.length;
      }
      for (const { entries } of expected.apps.find(({ app_id }) => app_id === appId)?.cells ?? []) {
        for (const { node } of entries) assert.ok(node === null || nodes.has(node));
      }
    }
    assert.ok(parents > 0);
  });

  test(`lookups that ${language} recorded are listed`, async (t) => {
    const { loader, expected } = await openFixture(t, language);
    const recorded = new Map<number, number>();
    for (const { cell_id } of expected.lookups)
      recorded.set(cell_id, (recorded.get(cell_id) ?? 0) + 1);
    for (const [cellId, count] of recorded) {
      assert.equal((await loader.lookups(cellId, 1000)).length, count);
    }
  });

  test(`a cell that ${language} saved is cleared, and the others stay`, async (t) => {
    const { loader, path, expected } = await openFixture(t, language);
    const [app] = expected.apps;
    const cell = app?.cells.find(({ entries }) => entries.length > 0);
    assert.ok(cell);
    const cleared = await loader.clearCell(cell.cell_id);
    assert.equal(cleared.entries, cell.entry_count);
    const left = (await describeCache(path)) as Expected;
    const others = ({ apps }: Expected) =>
      apps.flatMap(({ cells }) => cells.filter(({ cell_id }) => cell_id !== cell.cell_id));
    assert.deepEqual(others(left), others(expected));
    assert.deepEqual(left.lookups, expected.lookups);
  });
}

function assertEntry(found: EntrySummary, entry: ExpectedEntry): void {
  const versions = JSON.parse(entry.versions) as Record<string, unknown>;
  assert.deepEqual(
    {
      cacheName: found.cacheName,
      cacheType: found.cacheType,
      hash: found.hash,
      loader: found.loader,
      node: found.node ?? null,
      runtime: roughly(found.runtime),
      createdAt: roughly(found.createdAt),
      lastHitAt: roughly(found.lastHitAt),
      hits: found.hits,
      pinned: Number(found.pinned),
      items: found.items,
      versions: found.versions,
    },
    {
      cacheName: entry.cache_name,
      cacheType: entry.cache_type,
      hash: entry.hash,
      loader: entry.loader,
      node: entry.node,
      runtime: roughly(entry.runtime),
      createdAt: roughly(entry.created_at),
      lastHitAt: roughly(entry.last_hit_at),
      hits: entry.hits,
      pinned: entry.pinned,
      items: entry.items.length,
      versions: Object.fromEntries(
        Object.entries(versions).map(([name, version]) => [name, String(version)]),
      ),
    },
  );
}

/** As listings tell times, whose 15 digits may round the last of these four up once more. */
function roughly(seconds: number | null | undefined): string | undefined {
  return seconds === null || seconds === undefined
    ? undefined
    : Number(seconds.toPrecision(15)).toFixed(4);
}

async function read(content: Bytes | BlobFile): Promise<Buffer> {
  return content.kind === 'bytes' ? content.bytes : readFile(content.path);
}

test('of a function it is told what it was called with, as far as that is well said', async (t) => {
  const { loader, path } = await openFixture(t, '1.2');
  const calls = async () => {
    const cells = await Promise.all((await loader.apps()).map(({ appId }) => loader.cells(appId)));
    const entries = await Promise.all(cells.flat().map(({ cellId }) => loader.entries(cellId)));
    return entries.flat().flatMap(({ call }) => (call === undefined ? [] : [call]));
  };
  assert.deepEqual(await calls(), [[{ name: 'rows', value: '12000' }]]);
  const wrong = ["'no JSON'", "'[1]'", "'null'", `'{"rows": 1, "b": "2"}'`, "x'00'"];
  const told: unknown[] = [];
  for (const value of wrong) {
    await runSql(path, `UPDATE calls SET arguments = ${value}`);
    told.push(await calls());
  }
  assert.deepEqual(told, [[[]], [[]], [[]], [[{ name: 'b', value: '2' }]], []]);
});
