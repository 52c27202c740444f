import { parse, type TomlTable } from 'smol-toml';

export { TomlError } from 'smol-toml';

/**
 * The tables of a TOML text. Python, by which kernels and marimo read it, takes whole numbers of any size: those
 * that JavaScript's numbers do not hold are `bigint`s.
 * @throws TomlError
 */
export function parseToml(text: string): TomlTable {
  return parse(text, { integersAsBigInt: 'asNeeded' });
}
