/**
 * Has the keyboard's copy take what the focus is on, where no text is selected: to select any takes a
 * mouse.
 */
export function copyFocused(page: Document): void {
  page.addEventListener('copy', (event) => {
    const focused = page.activeElement;
    const isNothingSelected = page.getSelection()?.isCollapsed !== false;
    if (!isNothingSelected || focused?.matches('.cell, .node') !== true) return;
    // The head of a column has its type as well.
    const text = (focused.querySelector('.cell > .name') ?? focused).textContent;
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
  });
}
