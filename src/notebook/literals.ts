/**
 * Where Python's string literals end, read as text rather than by a grammar: it works on code that is
 * being typed and knows the quotes of Python 3.12's f-strings, which nest.
 */

const stringPrefix = /^(?:[rubft]|br|rb|fr|rf|tr|rt)$/i;
/** How deep CPython lets strings nest in f-strings; a field deeper than that is read as text. */
const maxNesting = 150;

/**
 * @returns where the string literal that begins at `start`, prefix and all, ends; `undefined` when
 * none begins there. Without its closing quotes a literal ends with the line, or, when its quotes
 * are tripled, with the text.
 */
export function endOfLiteral(text: string, start: number, nesting = 0): number | undefined {
  const open = isWord(text, start) ? endOfWord(text, start) : start;
  const quote = text[open];
  if (quote !== '"' && quote !== "'") return undefined;
  const prefix = text.slice(start, open);
  if (prefix !== '' && !stringPrefix.test(prefix)) return undefined;
  const quotes = text.startsWith(quote.repeat(3), open) ? quote.repeat(3) : quote;
  const formatted = /[ft]/i.test(prefix) && nesting < maxNesting;
  return endOfString(text, open + quotes.length, quotes, formatted ? nesting + 1 : undefined);
}

/**
 * Reads a string from behind its opening quotes.
 * @param nesting how many formatted strings deep the code in its `{...}` is; `undefined` when braces
 * are text.
 */
function endOfString(
  text: string,
  start: number,
  quotes: string,
  nesting: number | undefined,
): number {
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === quotes[0] && text.startsWith(quotes, at)) return at + quotes.length;
    if (char === '\n' && quotes.length === 1) return at;
    if (char === '\\') {
      // A brace is not escaped by a backslash but by doubling it.
      at += nesting !== undefined && (text[at + 1] === '{' || text[at + 1] === '}') ? 1 : 2;
    } else if (nesting !== undefined && char === '{') {
      if (text[at + 1] === '{') at += 2;
      else at = endOfField(text, at + 1, quotes, nesting);
    } else {
      at++;
    }
  }
  return text.length;
}

/**
 * Reads a replacement field from behind its `{` to behind its `}`. It is code with strings of its
 * own, even with the quotes of the string around it (Python 3.12), up to a `:` outside brackets;
 * behind that a format specification, which is text that may hold fields.
 */
function endOfField(text: string, start: number, quotes: string, nesting: number): number {
  let brackets = 0;
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    const literal = endOfLiteral(text, at, nesting);
    if (literal !== undefined) at = literal;
    else if (isWord(text, at)) at = endOfWord(text, at);
    else if (char === '#') at = lineEnd(text, at);
    else if (brackets === 0 && char === '}') return at + 1;
    else if (brackets === 0 && char === ':') return endOfFormat(text, at + 1, quotes, nesting);
    else {
      if (isOpening(char)) brackets++;
      else if (isClosing(char)) brackets = Math.max(0, brackets - 1);
      at++;
    }
  }
  return text.length;
}

/** Reads a format specification to behind the field's `}`; the string's end ends it as well. */
function endOfFormat(text: string, start: number, quotes: string, nesting: number): number {
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '}') return at + 1;
    if (text.startsWith(quotes, at) || (char === '\n' && quotes.length === 1)) return at;
    if (char === '{' && nesting < maxNesting) at = endOfField(text, at + 1, quotes, nesting + 1);
    else at++;
  }
  return text.length;
}

/** @returns where the newline that ends the line of `start` stands, or the text's end. */
export function lineEnd(text: string, start: number): number {
  const newline = text.indexOf('\n', start);
  return newline === -1 ? text.length : newline;
}

export function endOfWord(text: string, start: number): number {
  let at = start;
  while (isWord(text, at)) at++;
  return at;
}

/** A letter, digit or underscore; everything beyond ASCII counts, as Python's names may hold most. */
export function isWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code > 127
  );
}

export function isOpening(char: string): boolean {
  return char === '(' || char === '[' || char === '{';
}

export function isClosing(char: string): boolean {
  return char === ')' || char === ']' || char === '}';
}
