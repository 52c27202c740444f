/** The most characters of a name or a line of code: a hover is read at a glance. */
const ofName = 80;

/** The most characters of a sentence that a kernel recorded: several names are in it. */
export const ofSentence = 400;

/**
 * Text from a file as plain text on one line: no control characters, none that are invisible or turn
 * the direction of writing, and not too long.
 */
export function plainText(text: string, most = ofName): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim();
  // No character takes more than two of the units that `length` counts.
  return line.length > most ? cut(line.slice(0, 2 * most + 2), most) : line;
}

/** A text, or its beginning and `…` where it has more than so many characters. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text;
}

/**
 * The same as Markdown that shows exactly that text. CommonMark lets every punctuation mark of ASCII
 * be escaped, which leaves no emphasis, link, HTML, icon or address that an editor would make active.
 */
export function escapeMarkdown(text: string, most = ofName): string {
  return plainText(text, most).replace(/[!-/:-@[-`{-~]/g, '\\$&');
}
