/** What clients send, believed only after it was looked at: any editor may be at the other end. */

import { type HoverMode, parseHoverMode } from '../protocol/cells';
import type { Position } from '../protocol/text';

/** @returns the parameters of `textDocument/hover`, or `undefined` when `value` is anything else. */
export function parseHoverParams(
  value: unknown,
): { readonly uri: string; readonly position: Position } | undefined {
  const { textDocument, position } = fields(value);
  const { uri } = fields(textDocument);
  const { line, character } = fields(position);
  if (typeof uri !== 'string' || !isIndex(line) || !isIndex(character)) return undefined;
  return { uri, position: { line, character } };
}

/** @returns `cellar.hover` of the settings that a client sent, if it sent that. */
export function parseHoverSetting(settings: unknown): HoverMode | undefined {
  return parseHoverMode(fields(fields(settings).cellar).hover);
}

/** What an object holds; nothing for whatever is none. */
export function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
