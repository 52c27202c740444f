/**
 * The names that a cell defines for other cells, by the rules of marimo 0.25's `_ast/visitor.py`
 * (`ScopedVisitor.defs`), without its look into SQL strings, for which it asks DuckDB. It works on
 * code with errors too, where marimo has no answer: a cell being edited is known by what it defines.
 */

import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';

/** CPython refuses brackets nested deeper than this, so that nothing is lost beyond. */
const maxDepth = 1000;

interface Scope {
  readonly kind: 'module' | 'comprehension' | 'inner';
  readonly parent: Scope | undefined;
  /** Names that a `global` statement in this scope gave to the module. */
  readonly globals: Set<string>;
  /** Names of the exceptions that are being handled: they do not outlive their `except`. */
  readonly hidden: readonly string[];
}

/** @returns public names in order of appearance, each once. */
export function findDefs(code: string): string[] {
  const finder = new DefsFinder(code);
  finder.visit(parser.parse(code).topNode, {
    kind: 'module',
    parent: undefined,
    globals: new Set(),
    hidden: [],
  });
  return [...finder.defs];
}

class DefsFinder {
  readonly defs = new Set<string>();
  #depth = 0;

  constructor(readonly code: string) {}

  visit(node: SyntaxNode, scope: Scope): void {
    if (this.#depth >= maxDepth) return;
    this.#depth++;
    this.#visit(node, scope);
    this.#depth--;
  }

  #visit(node: SyntaxNode, scope: Scope): void {
    const children = childrenOf(node);
    const rest = (nodes = children, inner = scope) => {
      for (const child of nodes) this.visit(child, inner);
    };
    switch (node.name) {
      case 'AssignStatement': {
        const last = children.findLastIndex((child) => child.name === 'AssignOp');
        for (const [index, child] of children.entries()) {
          if ((last === -1 || index < last) && child.name !== 'TypeDef') this.#bind(child, scope);
          else this.visit(child, scope);
        }
        break;
      }
      case 'UpdateStatement': {
        const operator = children.findIndex((child) => child.name === 'UpdateOp');
        for (const child of children.slice(0, operator)) this.#bind(child, scope);
        rest(children.slice(operator));
        break;
      }
      case 'ForStatement': {
        const end = children.findIndex((child) => child.name === 'in');
        for (const child of children.slice(0, end)) this.#bind(child, scope);
        rest(children.slice(end));
        break;
      }
      case 'WithStatement':
        for (const child of children) {
          if (child.name === 'as') this.#bindAfterAs(child.to, scope);
          this.visit(child, scope);
        }
        break;
      case 'TryStatement':
        this.#visitTry(children, scope);
        break;
      case 'ImportStatement':
        this.#visitImport(children, scope);
        break;
      case 'FunctionDefinition':
      case 'ClassDefinition': {
        const name = children.find((child) => child.name === 'VariableName');
        if (name) this.#define(name, scope);
        rest(children, innerScope(scope));
        break;
      }
      case 'TypeDefinition': {
        const name = children.find((child) => child.name === 'VariableName');
        if (name) this.#define(name, scope);
        break;
      }
      case 'Decorator':
      case 'LambdaExpression':
        rest(children, innerScope(scope));
        break;
      case 'ComprehensionExpression':
      case 'ArrayComprehensionExpression':
      case 'DictionaryComprehensionExpression':
      case 'SetComprehensionExpression':
        rest(children, { ...scope, kind: 'comprehension', parent: scope });
        break;
      case 'ArgList': {
        // `f(x for x in y)` is a comprehension without brackets of its own.
        const generates = children.some((child) => child.name === 'for');
        const inner: Scope = generates ? { ...scope, kind: 'comprehension', parent: scope } : scope;
        this.#visitWalrus(children, inner);
        rest(children, inner);
        break;
      }
      case 'NamedExpression':
        this.#visitWalrus(children, scope);
        rest();
        break;
      case 'ScopeStatement':
        if (children[0]?.name === 'global') {
          for (const child of children) scope.globals.add(this.#text(child));
        }
        break;
      case 'CapturePattern':
      case 'AsPattern': {
        const name = children.findLast((child) => child.name === 'VariableName');
        if (name && this.#text(name) !== '_') this.#define(name, scope);
        rest();
        break;
      }
      default:
        rest();
    }
  }

  #visitTry(children: readonly SyntaxNode[], scope: Scope): void {
    let handled: string | undefined;
    for (const [index, child] of children.entries()) {
      if (child.name === 'except' || child.name === 'else' || child.name === 'finally') {
        handled = undefined;
      } else if (children[index - 1]?.name === 'as') {
        handled = this.#text(child);
      } else {
        this.visit(
          child,
          handled === undefined ? scope : { ...scope, hidden: [...scope.hidden, handled] },
        );
      }
    }
  }

  #visitImport(children: readonly SyntaxNode[], scope: Scope): void {
    const start = children.findIndex((child) => child.name === 'import') + 1;
    let first: SyntaxNode | undefined;
    for (const [index, child] of children.slice(start).entries()) {
      const next = children[start + index + 1];
      if (child.name === 'VariableName') {
        first ??= child;
        if (children[start + index - 1]?.name === 'as') this.#define(child, scope);
        else if (next?.name !== '.' && next?.name !== 'as') this.#define(first, scope);
      } else if (child.name === ',') {
        first = undefined;
      }
    }
  }

  /** `name := value`, whose name belongs to the scope around a comprehension. */
  #visitWalrus(children: readonly SyntaxNode[], scope: Scope): void {
    for (const [index, child] of children.entries()) {
      if (child.name !== 'AssignOp' || this.#text(child) !== ':=') continue;
      const name = children[index - 1];
      if (name?.name !== 'VariableName') continue;
      let owner = scope;
      while (owner.kind === 'comprehension' && owner.parent) owner = owner.parent;
      if (owner !== scope) this.#define(name, owner);
      else this.#bind(name, owner);
    }
  }

  /** The target of an assignment, a loop or a `with`. */
  #bind(node: SyntaxNode, scope: Scope): void {
    switch (node.name) {
      case 'VariableName':
        if (!scope.hidden.includes(this.#text(node))) this.#define(node, scope);
        break;
      case 'TupleExpression':
      case 'ArrayExpression':
      case 'ParenthesizedExpression':
        for (const child of childrenOf(node)) this.#bind(child, scope);
        break;
      default:
        this.visit(node, scope);
    }
  }

  /**
   * The target of a `with` is read as text, up to the comma or colon that ends it: the grammar knows
   * plain names only, and takes what follows another target for something else.
   */
  #bindAfterAs(start: number, scope: Scope): void {
    const [target = ''] = /^\s*(?:[([][^:]*[)\]]|[^,:)]*)/.exec(this.code.slice(start)) ?? [];
    for (const [name] of target.matchAll(
      /(?<![.\p{ID_Continue}])[\p{ID_Start}_]\p{ID_Continue}*(?!\p{ID_Continue}|\s*[.[(])/gu,
    )) {
      if (!scope.hidden.includes(name)) this.#defineName(name, scope);
    }
  }

  #define(node: SyntaxNode, scope: Scope): void {
    this.#defineName(this.#text(node), scope);
  }

  #defineName(name: string, scope: Scope): void {
    if (scope.kind !== 'module' && !scope.globals.has(name)) return;
    if (!isLocal(name)) this.defs.add(name);
  }

  #text(node: SyntaxNode): string {
    return this.code.slice(node.from, node.to);
  }
}

function innerScope(parent: Scope): Scope {
  return { kind: 'inner', parent, globals: new Set(), hidden: parent.hidden };
}

/** Names with one underscore in front stay within their cell. */
function isLocal(name: string): boolean {
  return name === '__' || (name.startsWith('_') && !name.startsWith('__'));
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}
