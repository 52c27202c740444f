"""Where Python's string literals end, read as text rather than by a grammar.

It works on code that is being typed, on any Python version, and knows the quotes
of Python 3.12's f-strings, which nest. `src/notebook/literals.ts` is the same scan
in TypeScript.
"""

from __future__ import annotations

# In lower case.
_PREFIXES = frozenset(["", *"rubft", "br", "rb", "fr", "rf", "tr", "rt"])
# How deep CPython lets strings nest in f-strings; a field deeper than that is read
# as text.
_MAX_NESTING = 150


def end_of_literal(text: str, start: int, nesting: int = 0) -> int | None:
    """Where the literal that begins at `start`, prefix and all, ends.

    None when none begins there. Without its closing quotes a literal ends with the
    line, or, when its quotes are tripled, with the text.
    """
    quotes_at = end_of_word(text, start)
    quote = text[quotes_at : quotes_at + 1]
    if quote not in ("'", '"'):
        return None
    prefix = text[start:quotes_at].lower()
    if prefix not in _PREFIXES:
        return None
    quotes = quote * 3 if text.startswith(quote * 3, quotes_at) else quote
    formatted = ("f" in prefix or "t" in prefix) and nesting < _MAX_NESTING
    return _end_of_string(
        text, quotes_at + len(quotes), quotes, nesting + 1 if formatted else None
    )


def end_of_word(text: str, start: int) -> int:
    """Where the run of letters, digits and underscores from `start` ends.

    Everything beyond ASCII counts, as names may hold most of it.
    """
    at = start
    while at < len(text) and is_word(text[at]):
        at += 1
    return at


def is_word(char: str) -> bool:
    """Whether a character may be part of a name or a number."""
    return char == "_" or char > "\x7f" or char.isalnum()


def end_of_line(text: str, start: int) -> int:
    """Where the newline that ends the line of `start` stands, or the text's end."""
    newline = text.find("\n", start)
    return len(text) if newline < 0 else newline


def _end_of_string(text: str, start: int, quotes: str, nesting: int | None) -> int:
    """Reads from behind the opening quotes.

    `nesting` is how many formatted strings deep the code in its `{...}` is; None
    when braces are text.
    """
    at = start
    while at < len(text):
        char = text[at]
        if text.startswith(quotes, at):
            return at + len(quotes)
        if char == "\n" and len(quotes) == 1:
            return at
        if char == "\\":
            # A brace is not escaped by a backslash but by doubling it.
            braced = nesting is not None and text[at + 1 : at + 2] in ("{", "}")
            at += 1 if braced else 2
        elif nesting is not None and char == "{":
            if text.startswith("{{", at):
                at += 2
            else:
                at = _end_of_field(text, at + 1, quotes, nesting)
        else:
            at += 1
    return len(text)


def _end_of_field(text: str, start: int, quotes: str, nesting: int) -> int:
    """Reads a replacement field from behind its `{` to behind its `}`.

    It is code with strings of its own, even with the quotes of the string around
    it, up to a `:` outside brackets; behind that a format specification, which is
    text that may hold fields.
    """
    brackets = 0
    at = start
    while at < len(text):
        char = text[at]
        literal = end_of_literal(text, at, nesting)
        if literal is not None:
            at = literal
        elif is_word(char):
            at = end_of_word(text, at)
        elif char == "#":
            at = end_of_line(text, at)
        elif brackets == 0 and char == "}":
            return at + 1
        elif brackets == 0 and char == ":":
            return _end_of_format(text, at + 1, quotes, nesting)
        else:
            brackets += (char in "([{") - (char in ")]}")
            brackets = max(0, brackets)
            at += 1
    return len(text)


def _end_of_format(text: str, start: int, quotes: str, nesting: int) -> int:
    """Reads to behind the field's `}`; the string's end ends it as well."""
    at = start
    while at < len(text):
        char = text[at]
        if char == "}":
            return at + 1
        if text.startswith(quotes, at) or (char == "\n" and len(quotes) == 1):
            return at
        if char == "{" and nesting < _MAX_NESTING:
            at = _end_of_field(text, at + 1, quotes, nesting + 1)
        else:
            at += 1
    return len(text)
