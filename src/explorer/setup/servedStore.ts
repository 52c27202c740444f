import {
  CannotSet,
  inline,
  settingIn,
  withSetting,
  withoutSetting,
  type Setting,
  type Value,
  type Written,
} from './tomlSetting';
import { storeName } from './userConfig';

/**
 * The line of marimo's configuration by which a marimo without our package asks the endpoint of this
 * window: `RestStore` in marimo/_save/stores/rest.py.
 */

/** How marimo is told which store to use: 0.24.1 and later, and before. */
export type MarimoVersion = '0.24.1' | '0.24.0';

/** What a kernel has to know of the endpoint. */
export interface Address {
  readonly port: number;
  readonly token: string;
  readonly project: string;
}

const stores: Readonly<Record<MarimoVersion, { table: string; key: string; kind: string }>> = {
  '0.24.1': { table: 'cache', key: 'store', kind: 'type' },
  '0.24.0': { table: 'experimental', key: 'cache', kind: 'store' },
};

export function storeSetting(version: MarimoVersion, address: Address): Setting {
  const { table, key, kind } = stores[version];
  const args = {
    base_url: `http://127.0.0.1:${address.port}`,
    api_key: address.token,
    project_id: address.project,
  };
  return { table: [table], key, value: { [kind]: 'rest', args } };
}

/** The setting as a line of its own, for the head of a configuration elsewhere. */
export function lineOf({ table, key, value }: Setting): string {
  return `${[...table, key].join('.')} = ${inline(value)}`;
}

/**
 * Writes the line, in the place of one that an endpoint of ours left.
 * @throws CannotSet where another store is named, or nothing can be added safely.
 */
export function withEndpoint(text: string, setting: Setting): Written {
  const free = withoutEndpoint(text);
  const store = settingIn(free, [...setting.table, setting.key]);
  if (store !== undefined) throw new CannotSet('another', storeName(store));
  return withSetting(free, setting);
}

/** Takes out every line of ours. @throws CannotSet when the TOML is broken or rewritten beyond that. */
export function withoutEndpoint(text: string): string {
  let rest = text;
  for (const { table, key } of Object.values(stores)) {
    const value = settingIn(rest, [table, key]);
    if (portOf(value) === undefined) continue;
    rest = withoutSetting(rest, { table: [table], key, value: value as Value });
  }
  return rest;
}

/** The ports that lines of ours name. @throws CannotSet when the TOML is broken */
export function endpointsIn(text: string): number[] {
  return Object.values(stores).flatMap(
    ({ table, key }) => portOf(settingIn(text, [table, key])) ?? [],
  );
}

/** The port of the endpoint that a store asks; `undefined` for a store that is none of ours. */
function portOf(store: unknown): number | undefined {
  const args = propertyOf(store, 'args');
  const [url, project] = [propertyOf(args, 'base_url'), propertyOf(args, 'project_id')];
  if (typeof url !== 'string' || typeof project !== 'string') return undefined;
  const [, port] = /^http:\/\/127\.0\.0\.1:(\d+)$/.exec(url) ?? [];
  return project.startsWith('cellar-') && port !== undefined ? Number(port) : undefined;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
