import { MAX_TEXT } from './limits';

/** @returns `text`, or its beginning and `…` where it has more than `max` UTF-16 code units. */
export function shorten(text: string, max = MAX_TEXT): string {
  if (text.length <= max) return text;
  const end = max - 1;
  // A cut between the two halves of a surrogate pair would show as a replacement character.
  const high = text.charCodeAt(end - 1);
  return `${text.slice(0, high >= 0xd800 && high <= 0xdbff ? end - 1 : end)}…`;
}

/** A size for an error's message, as `12.4 MB`: the decoder's messages are plain English. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  // 999.96 MB would be shown as 1000 MB: it is rounded before the unit is chosen.
  while (Math.round(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit] ?? ''}`;
}
