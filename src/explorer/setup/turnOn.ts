import {
  CannotSet,
  changeFor,
  newlineOf,
  type Setting,
  spliced,
  withoutSetting,
  withSetting,
  type Written,
} from './tomlSetting';
import { metadataBlocks, uncommented } from '../../store/settings/marimo';

/**
 * Writes marimo's own setting for cell caching,
 *
 *     [tool.marimo.runtime]
 *     cache_cells = true
 *
 * into a notebook's script metadata (PEP 723) or a `pyproject.toml`.
 */
const cacheCells: Setting = {
  table: ['tool', 'marimo', 'runtime'],
  key: 'cache_cells',
  value: true,
};

/** @throws CannotSet when the TOML is broken or leaves no place for the setting */
export function turnOnInProject(text: string): Written {
  return withSetting(text, cacheCells);
}

/**
 * A notebook without a metadata block gets one, before everything but a `#!` line, as marimo places
 * it. It has no `dependencies`: marimo offers a sandbox only where some are listed.
 *
 * @throws CannotSet when the block's TOML is broken, or there are several blocks
 */
export function turnOnInNotebook(text: string): Written {
  const newline = newlineOf(text);
  const lines = text.split(/\r?\n/);
  const blocks = metadataBlocks(lines);
  const [block] = blocks;
  if (blocks.length > 1) throw new CannotSet('severalBlocks');
  if (block === undefined) {
    const at = lines[0]?.startsWith('#!') === true ? 1 : 0;
    const before = [
      '# /// script',
      '# [tool.marimo.runtime]',
      '# cache_cells = true',
      '# ///',
      // As marimo writes notebooks: one blank line between the block and what follows.
      ...(lines[at] === '' ? [] : ['']),
    ];
    return {
      text: lines.toSpliced(at, 0, ...before).join(newline),
      line: at + 2,
      already: false,
    };
  }
  const change = changeFor(lines.slice(block.from, block.to).map(uncommented), cacheCells);
  if (change.kind === 'already') return { text, line: block.from + change.line, already: true };
  const commented = {
    ...change,
    at: block.from + change.at,
    lines: change.lines.map((line) => (line === '' ? '#' : `# ${line}`)),
  };
  return {
    text: spliced(lines, commented).join(newline),
    line: commented.at + commented.settingAt,
    already: false,
  };
}

/** The text without the setting. @throws CannotSet where it cannot be taken out by whole lines */
export function takeOutOfProject(text: string): string {
  return withoutSetting(text, cacheCells);
}

/**
 * The notebook without the setting, and without a metadata block that only held it.
 *
 * @throws CannotSet as `takeOutOfProject`, and when there are several blocks
 */
export function takeOutOfNotebook(text: string): string {
  const newline = newlineOf(text);
  const lines = text.split(/\r?\n/);
  const [block, another] = metadataBlocks(lines);
  if (another !== undefined) throw new CannotSet('severalBlocks');
  if (block === undefined) return text;
  const before = lines.slice(block.from, block.to);
  const after = withoutSetting(before.map(uncommented).join('\n'), cacheCells).split('\n');
  if (after.some((line) => line.trim() !== '')) {
    const commented = after.map((line) => (line === '' ? '#' : `# ${line}`));
    return lines.toSpliced(block.from, before.length, ...commented).join(newline);
  }
  // With the lines that open and close it, and the blank one that `turnOnInNotebook` puts behind it.
  const blank = block.from === 1 && lines[block.to + 1] === '' ? 1 : 0;
  return lines.toSpliced(block.from - 1, before.length + 2 + blank).join(newline);
}

/** Whether the notebook has a script metadata block: `uv run` then gives it an environment of its own. */
export function hasMetadataBlock(text: string): boolean {
  return metadataBlocks(text.split(/\r?\n/)).length > 0;
}
