import type { DatabaseReference, Reference } from '../../protocol/references';
import { inEditors, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import { isSameGeneration } from '../../store/database/generation';
import type { SqliteLoader } from '../../store/SqliteLoader';
import type { Discovery } from '../tree/Discovery';
import { belongs } from '../tree/found';
import { shownCells } from '../tree/nodes';
import type { AppTarget, CellTarget } from './target';

/** What references are of, and what there is in the caches of the workspace. */
export class TargetReader {
  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells,
  ) {}

  /** What reads the database that a reference is of; `undefined` where another is in its place. */
  async loaderOf({ cache, generation }: DatabaseReference): Promise<SqliteLoader | undefined> {
    const loader = await this.caches.get(cache);
    if (loader === undefined) return undefined;
    return isSameGeneration(generation, await loader.generation()) ? loader : undefined;
  }

  /** The cell that something is, or is of; `undefined` of what is gone. */
  async cellOf(reference: Reference): Promise<CellTarget | undefined> {
    const { cache, generation } = reference;
    const loader = await this.loaderOf(reference);
    if (loader === undefined || reference.kind === 'app') return undefined;
    const cellId =
      reference.kind === 'cell'
        ? reference.cellId
        : (await loader.entry(reference.entryId))?.cellId;
    const cell = cellId === undefined ? undefined : await loader.cell(cellId);
    const app = cell === undefined ? undefined : await loader.app(cell.appId);
    return cell === undefined || app === undefined ? undefined : { cache, generation, app, cell };
  }

  async appOf(reference: Reference): Promise<AppTarget | undefined> {
    if (reference.kind !== 'app') return this.cellOf(reference);
    const { cache, generation } = reference;
    const loader = await this.loaderOf(reference);
    if (loader === undefined) return undefined;
    const app = await loader.app(reference.appId);
    return app === undefined ? undefined : { cache, generation, app };
  }

  /** All cells of a notebook that something is kept of. */
  async cellsIn(target: AppTarget): Promise<CellTarget[]> {
    const { cache, app } = target;
    const loader = await this.caches.get(cache);
    const open = inEditors(this.openCells(cache));
    const cells = (await loader?.cells(app.appId, open)) ?? [];
    return shownCells(cells).map((cell) => ({ ...target, cell }));
  }

  /** The notebooks of the workspace with something in the cache, the largest first. */
  async everyApp(): Promise<AppTarget[]> {
    const { databases, folders } = await this.discovery.scan();
    const apps = await Promise.all(
      databases.map(async (database) => {
        try {
          const loader = await this.caches.open(database.path);
          const cache = this.caches.number(database.path);
          const generation = await loader.generation();
          return (await loader.apps(inEditors(this.openCells(cache))))
            .filter((app) => belongs(app.notebook, database, folders))
            .map((app) => ({ cache, generation, app }));
        } catch {
          // A database that cannot be read has a node of its own in the tree, which says why.
          return [];
        }
      }),
    );
    return apps
      .flat()
      .filter(({ app }) => app.entries > 0)
      .sort((a, b) => b.app.size - a.app.size);
  }
}
