/**
 * The text that a cell's digest is taken of: its code without what does not change its meaning, that
 * is comments, blank lines and layout. The kernel's side computes the same text in Python; both run
 * the table `test/fixtures/normalise.json`. It is a scan and not a parse, so that code in the middle
 * of being typed has a text too, and so that no Python version's grammar is built in.
 */

/** What the last emitted thing was: a space is kept only where its removal could join two words. */
type Neighbour = 'none' | 'word' | 'string' | 'other';

const stringPrefix = /^(?:[rubft]|br|rb|fr|rf|tr|rt)$/i;
/** Columns from one tab stop to the next, as Python's tokenizer counts them. */
const tabWidth = 8;
/** How deep CPython lets strings nest in f-strings; a field deeper than that is read as text. */
const maxNesting = 150;

/**
 * @returns logical lines joined by a newline, each led by as many tabs as it is deep; without a
 * newline at the end. Empty when the code holds nothing but comments.
 */
export function normalise(code: string): string {
  // Python reads every line ending as a newline, inside strings too, so nobody sees the difference.
  const text = code.replace(/\r\n?/g, '\n');
  const lines: string[] = [];
  /** Columns of the blocks that are open. */
  const indents = [0];
  let at = 0;
  while (at < text.length) {
    const indent = measureIndent(text, at);
    const line = readLogicalLine(text, indent.end);
    at = line.end;
    if (line.text === '') continue;
    while (indent.column < (indents.at(-1) ?? 0)) indents.pop();
    if (indent.column > (indents.at(-1) ?? 0)) indents.push(indent.column);
    lines.push('\t'.repeat(indents.length - 1) + line.text);
  }
  return lines.join('\n');
}

function measureIndent(text: string, start: number): { column: number; end: number } {
  let column = 0;
  let at = start;
  for (; isBlank(text[at]); at++) {
    column = text[at] === '\t' ? (Math.floor(column / tabWidth) + 1) * tabWidth : column + 1;
  }
  return { column, end: at };
}

/** Reads from behind the indentation to behind the newline that ends the logical line. */
function readLogicalLine(text: string, start: number): { text: string; end: number } {
  let out = '';
  let last: Neighbour = 'none';
  let spaced = false;
  let brackets = 0;
  let at = start;

  const emit = (end: number, kind: Neighbour) => {
    const joinsWords =
      last === 'word' ? kind === 'word' || kind === 'string' : last === 'string' && kind === 'word';
    out += (spaced && joinsWords ? ' ' : '') + text.slice(at, end);
    last = kind;
    spaced = false;
    at = end;
  };

  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '\n') {
      at++;
      if (brackets === 0) break;
      spaced = true;
    } else if (isBlank(char)) {
      at++;
      spaced = true;
    } else if (char === '\\' && text[at + 1] === '\n') {
      at += 2;
      spaced = true;
    } else if (char === '#') {
      at = lineEnd(text, at);
    } else {
      const literal = endOfLiteral(text, at);
      if (literal !== undefined) emit(literal, 'string');
      else if (isWord(char)) emit(endOfWord(text, at), 'word');
      else {
        if (isOpening(char)) brackets++;
        else if (isClosing(char)) brackets = Math.max(0, brackets - 1);
        emit(at + 1, 'other');
      }
    }
  }
  return { text: out, end: at };
}

/**
 * @returns where the string literal that begins at `start`, prefix and all, ends; `undefined` when
 * none begins there. Without its closing quotes a literal ends with the line, or, when its quotes
 * are tripled, with the text.
 */
function endOfLiteral(text: string, start: number, nesting = 0): number | undefined {
  const open = isWord(text[start]) ? endOfWord(text, start) : start;
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
    if (text.startsWith(quotes, at)) return at + quotes.length;
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
    else if (isWord(char)) at = endOfWord(text, at);
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
function lineEnd(text: string, start: number): number {
  const newline = text.indexOf('\n', start);
  return newline === -1 ? text.length : newline;
}

function endOfWord(text: string, start: number): number {
  let at = start;
  while (isWord(text[at])) at++;
  return at;
}

/** Space, tab and form feed; not the newline. */
function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\f';
}

/** Everything beyond ASCII counts as a letter: Python's names may hold most of it. */
function isWord(char: string | undefined): boolean {
  return char !== undefined && (/\w/.test(char) || char > '\x7f');
}

function isOpening(char: string): boolean {
  return char === '(' || char === '[' || char === '{';
}

function isClosing(char: string): boolean {
  return char === ')' || char === ']' || char === '}';
}
