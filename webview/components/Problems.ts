import type { Problem } from '../../src/protocol/preview';
import { element, icon } from '../dom';

/** What went wrong, with the file and the way out, and what can be pressed. */
export function problemCard(problem: Problem, ...actions: HTMLElement[]): HTMLElement {
  const text = element('div', {}, element('p', { class: 'lead' }, problem.message));
  if (problem.file !== undefined) text.append(element('p', {}, element('code', {}, problem.file)));
  if (problem.wayOut !== '') text.append(element('p', {}, problem.wayOut));
  if (actions.length > 0) text.append(element('p', { class: 'actions' }, ...actions));
  return element('div', { class: 'card', role: 'alert' }, icon('error', { title: '' }), text);
}

/** A line over the page about what happened to the entry. `tone` chooses icon and colour together. */
export function banner(
  tone: 'info' | 'warning' | 'error',
  text: string,
  ...actions: HTMLElement[]
): HTMLElement {
  return element(
    'div',
    { class: `banner ${tone}`, role: tone === 'error' ? 'alert' : 'status' },
    icon(tone),
    element('span', { class: 'grow' }, text),
    ...actions,
  );
}
