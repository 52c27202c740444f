/** A text of more than 80 characters, and what is left of it: a hover is read at a glance. */
const tooLong = /^(.{79}).{2,}$/u;

/**
 * Text from a file as plain text on one line: no control characters, none that are invisible or turn
 * the direction of writing, and not too long.
 */
export function plainText(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim();
  return line.replace(tooLong, '$1…');
}

/**
 * The same as Markdown that shows exactly that text. CommonMark lets every punctuation mark of ASCII
 * be escaped, which leaves no emphasis, link, HTML, icon or address that an editor would make active.
 */
export function escapeMarkdown(text: string): string {
  return plainText(text).replace(/[!-/:-@[-`{-~]/g, '\\$&');
}
