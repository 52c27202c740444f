/** The toolkit's parts, as this page uses them. Nothing outside this folder knows the toolkit. */
import {
  provideVSCodeDesignSystem,
  vsCodeBadge,
  vsCodeButton,
  vsCodeDataGrid,
  vsCodeDataGridRow,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { element, icon } from '../dom';

provideVSCodeDesignSystem().register(
  vsCodeBadge(),
  vsCodeButton(),
  vsCodeDataGrid(),
  vsCodeDataGridRow(),
  vsCodePanels(),
  vsCodePanelTab(),
  vsCodePanelView(),
  vsCodeProgressRing(),
  vsCodeTextField(),
);

export interface ButtonOptions {
  readonly label: string;
  /** A codicon's name; two of them, with a space, stand close together where no icon says it. */
  readonly icon?: string;
  readonly appearance?: 'primary' | 'secondary' | 'icon';
  readonly onPress: () => void;
}

/** With `appearance: 'icon'` the label is heard and shown as a tip, not written. */
export function button(options: ButtonOptions): HTMLElement {
  const { label, appearance = 'secondary' } = options;
  const made = element('vscode-button', { appearance });
  if (appearance === 'icon') {
    made.title = label;
    made.setAttribute('aria-label', label);
    made.append(...(options.icon ?? '').split(' ').map((name) => icon(name)));
  } else {
    if (options.icon !== undefined) made.append(icon(options.icon, { slot: 'start' }));
    made.append(label);
  }
  made.addEventListener('click', () => {
    if (!made.hasAttribute('disabled')) options.onPress();
  });
  return made;
}

/** A word about something, with what it means as its tip. */
export function badge(text: string, explanation: string, iconName?: string): HTMLElement {
  const made = element('vscode-badge', { title: explanation });
  made.append(element('span', {}, ...(iconName === undefined ? [] : [icon(iconName)]), text));
  return made;
}

/** It turns, and says nothing: the text beside it does. */
export function progressRing(): HTMLElement {
  // The toolkit makes every ring an alert in English; screen readers hear our status line instead.
  return element('span', { class: 'ring', 'aria-hidden': 'true' }, element('vscode-progress-ring'));
}
