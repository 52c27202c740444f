import morphdom from 'morphdom';

/**
 * Makes what an element holds like what is wanted, and keeps the elements that are there: one that has
 * the focus keeps it, and a click ends on what it began on. What listens to a kept element is what did
 * so from the beginning: listeners must not depend on what a later view says.
 *
 * An element is known again by its `data-key`, or else by its place.
 */
export function reconcile(parent: Element, wanted: readonly Node[]): void {
  const focused = document.activeElement;
  const next = parent.cloneNode(false) as Element;
  next.append(...wanted);
  morphdom(parent, next, {
    childrenOnly: true,
    getNodeKey: (node) => (node instanceof Element ? node.getAttribute('data-key') : null),
    onBeforeElUpdated: (here, want) => {
      // As an attribute, a content security policy may forbid it.
      here.style.cssText = want.style.cssText;
      return true;
    },
  });
  // What comes in another order is moved, and what is moved has lost it.
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused) {
    focused.focus({ preventScroll: true });
  }
}
