import * as l10n from '@vscode/l10n';
import { formatBytes, formatRoughAge } from '../../protocol/quantities';
import type { FilesNode, ProblemNode, SetAsideNode, SettingNode } from './nodes';
import { listed, type Reader, type Shown } from './row';

// The rows of what is no part of a cache, and wants something done about it.

export function problemRow({ problem, place }: ProblemNode): Shown {
  const { title, message, lasting } = problem;
  return {
    label: title,
    description: place,
    // It begins with the database's path.
    tooltip: { title, lines: [message] },
    icon: lasting
      ? { name: 'error', color: 'problemsErrorIcon.foreground' }
      : { name: 'warning', color: 'problemsWarningIcon.foreground' },
    context: 'problem',
    expandable: false,
    spoken: `${title}, ${place}. ${message}`,
  };
}

export function setAsideRow(
  { aside, replaced, place }: SetAsideNode,
  { locale, now }: Reader,
): Shown {
  const label = l10n.t('A damaged cache was set aside');
  const description = listed(
    formatBytes(aside.size, locale),
    aside.at === undefined ? undefined : formatRoughAge(aside.at, now, locale),
    place,
  );
  const sentence = setAsideSentence(replaced);
  return {
    label,
    description,
    tooltip: { title: label, lines: [aside.path, sentence] },
    icon: { name: 'archive', color: 'problemsWarningIcon.foreground' },
    context: 'setAside',
    expandable: false,
    spoken: `${listed(label, description)}. ${sentence}`,
  };
}

/** What became of it, and what to do. */
export function setAsideSentence(replaced: boolean): string {
  return replaced
    ? l10n.t(
        'SQLite could not read it. What was whole in it was taken into the cache that stands in its place; the rest is computed again. Nothing uses it any more: delete it when you have no use for it.',
      )
    : l10n.t(
        'SQLite could not read it, and no cache stands in its place. Nothing uses it any more: delete it when you have no use for it.',
      );
}

export function settingRow({ setting: { key, message }, place }: SettingNode): Shown {
  const label =
    key === undefined
      ? l10n.t('These settings cannot be read')
      : l10n.t('{0} is not followed', key);
  const description = place ?? l10n.t('in the environment');
  return {
    label,
    description,
    tooltip: { title: label, lines: [message] },
    icon: { name: 'warning', color: 'problemsWarningIcon.foreground' },
    context: 'setting',
    expandable: false,
    spoken: `${listed(label, description)}. ${message}`,
  };
}

export function filesRow({ path, place }: FilesNode): Shown {
  const label = l10n.t('marimo is caching here, but not through Cellar');
  return {
    label,
    description: place,
    tooltip: {
      title: label,
      lines: [
        path,
        l10n.t(
          "Install Cellar's Python package in the environment of the notebook, or run marimo in a new terminal of this window; then restart the kernel.",
        ),
      ],
    },
    icon: { name: 'info', color: 'problemsInfoIcon.foreground' },
    context: 'files',
    expandable: false,
    spoken: listed(label, place),
  };
}
