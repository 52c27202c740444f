/**
 * Makes what an element holds like what is wanted, and keeps the elements that are there: one that has
 * the focus keeps it, and a click ends on what it began on. What listens to a kept element is what did
 * so from the beginning: listeners must not depend on what a later view says.
 *
 * An element is known again by its `data-key` among its siblings, or else by its place among those of
 * its kind that have none.
 */
export function reconcile(parent: Element, wanted: readonly Node[]): void {
  const focused = document.activeElement;
  replace(parent, wanted);
  // What comes in another order is moved, and what is moved has lost it.
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused) {
    focused.focus({ preventScroll: true });
  }
}

function replace(parent: Element, wanted: readonly Node[]): void {
  const left = new Set(parent.childNodes);
  const placed = wanted.map((want) => {
    const kept = [...left].find((each) => isSame(each, want));
    if (kept === undefined) return want;
    left.delete(kept);
    update(kept, want);
    return kept;
  });
  // First, so that nothing has to move that only follows what goes.
  for (const each of left) each.remove();
  let next: ChildNode | null = parent.firstChild;
  for (const node of placed) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

function isSame(here: Node, want: Node): boolean {
  return here.nodeName === want.nodeName && keyOf(here) === keyOf(want);
}

function keyOf(node: Node): string | null {
  return node instanceof Element ? node.getAttribute('data-key') : null;
}

function update(kept: ChildNode, want: Node): void {
  if (!(kept instanceof HTMLElement && want instanceof HTMLElement)) {
    if (kept.nodeValue !== want.nodeValue) kept.nodeValue = want.nodeValue;
    return;
  }
  for (const name of kept.getAttributeNames()) {
    if (!want.hasAttribute(name)) kept.removeAttribute(name);
  }
  for (const name of want.getAttributeNames()) {
    const value = want.getAttribute(name) ?? '';
    if (kept.getAttribute(name) === value) continue;
    // As an attribute, a content security policy may forbid it.
    if (name === 'style') kept.style.cssText = want.style.cssText;
    else kept.setAttribute(name, value);
  }
  replace(kept, [...want.childNodes]);
}
