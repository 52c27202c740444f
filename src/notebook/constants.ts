/** The values of Python's constants, as far as marimo takes them for a cell's options. */

import type { SyntaxNode, Tree } from '@lezer/common';

export type Constant = string | number | boolean | null | readonly Constant[];

/**
 * The arguments of a call: those by name whose value is a constant or a list of constants (marimo
 * drops all others), and the string that is its only other one.
 */
export interface Arguments {
  readonly named: Readonly<Record<string, Constant>>;
  readonly text: string | undefined;
}

/** Reads the arguments of the first call in `tree`; none when there is no call. */
export function readArguments(tree: Tree, source: string): Arguments {
  const cursor = tree.cursor();
  do {
    if (cursor.name === 'ArgList') return readArgList(cursor.node, source);
  } while (cursor.next());
  return { named: {}, text: undefined };
}

function readArgList(list: SyntaxNode, source: string): Arguments {
  const named: Record<string, Constant> = {};
  let text: string | undefined;
  for (let child = list.firstChild; child; child = child.nextSibling) {
    const operator = child.nextSibling;
    if (child.name === 'VariableName' && operator?.name === 'AssignOp') {
      const value = operator.nextSibling && constantOf(operator.nextSibling, source);
      if (value !== undefined) named[source.slice(child.from, child.to)] = value;
      child = operator.nextSibling ?? operator;
    } else {
      const value = constantOf(child, source);
      if (typeof value === 'string') text ??= value;
    }
  }
  return { named, text };
}

/** @returns `undefined` for everything that is not a constant. */
function constantOf(node: SyntaxNode, source: string): Constant | undefined {
  const text = source.slice(node.from, node.to);
  switch (node.name) {
    case 'Boolean':
      return text === 'True';
    case 'None':
      return null;
    case 'Number': {
      const number = Number(text.replaceAll('_', ''));
      return Number.isNaN(number) ? undefined : number;
    }
    case 'String':
      return stringOf(text);
    case 'ContinuedString': {
      const parts = children(node).map((part) => constantOf(part, source));
      return parts.every((part) => typeof part === 'string') ? parts.join('') : undefined;
    }
    case 'ParenthesizedExpression': {
      const inner = children(node)[1];
      return inner && constantOf(inner, source);
    }
    case 'ArrayExpression':
      return children(node).flatMap((element) => {
        const value = constantOf(element, source);
        return value === undefined ? [] : [value];
      });
    default:
      return undefined;
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const all: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) all.push(child);
  return all;
}

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** @returns `undefined` for bytes, which are no text. */
function stringOf(literal: string): string | undefined {
  const match = /^(\w*)('''|"""|'|")([^]*)\2$/.exec(literal);
  const [, prefix = '', , body] = match ?? [];
  if (body === undefined || /b/i.test(prefix)) return undefined;
  if (/r/i.test(prefix)) return body;
  return body.replace(
    /\\(?:([0-7]{1,3})|x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([^]))/gi,
    (all, octal?: string, x?: string, u?: string, long?: string, char?: string) => {
      if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
      const hex = x ?? u ?? long;
      if (hex !== undefined) {
        const code = parseInt(hex, 16);
        return code > 0x10ffff ? all : String.fromCodePoint(code);
      }
      if (char === '\\' || char === "'" || char === '"') return char;
      return escapes[char ?? ''] ?? all;
    },
  );
}
