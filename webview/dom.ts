/** Makes an element. Text is always set as text: markup in a value stays what it is. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes?: Readonly<Record<string, string>>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K];
export function element(
  tag: string,
  attributes?: Readonly<Record<string, string>>,
  ...children: (Node | string)[]
): HTMLElement;
export function element(
  tag: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A codicon. It says nothing that the text beside it does not. */
export function icon(name: string, attributes: Readonly<Record<string, string>> = {}): HTMLElement {
  return element('span', {
    class: `codicon codicon-${name}`,
    'aria-hidden': 'true',
    ...attributes,
  });
}
