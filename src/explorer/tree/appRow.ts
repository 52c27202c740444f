import * as l10n from '@vscode/l10n';
import { collectionName } from '../../protocol/labels';
import { formatBytes, formatCount, formatRoughAge } from '../../protocol/quantities';
import type { AppNode } from './nodes';
import { listed, type Reader, type Shown } from './row';
import { currentSaving, saving } from './savings';

export function appRow({ app, place, apart, exists }: AppNode, reader: Reader): Shown {
  const { locale, now } = reader;
  const collected = collectionName(app.path);
  const label = collected ?? nameOf(place);
  const isGone = !exists && collected === undefined;
  const cells =
    app.cells === 1
      ? l10n.t('1 cell is cached')
      : l10n.t('{0} cells are cached', formatCount(app.cells, locale));
  const description = listed(
    apart,
    isGone ? l10n.t('the file is gone') : undefined,
    app.saves === undefined ? undefined : saving(app.saves, app.amount, locale),
    formatBytes(app.size, locale),
    formatRoughAge(app.lastUsedAt ?? app.lastSeenAt, now, locale),
  );
  return {
    label,
    description,
    tooltip: {
      title: collected ?? app.notebook,
      lines: [
        ...(isGone ? [l10n.t('The file is gone, or has another name now.')] : []),
        `${cells}, ${formatBytes(app.size, locale)}`,
        ...currentSaving(app.saves, app.amount, locale),
        l10n.t('Last seen {0}.', formatRoughAge(app.lastSeenAt, now, locale)),
      ],
    },
    icon: isGone
      ? { name: 'warning', color: 'problemsWarningIcon.foreground' }
      : { name: collected === undefined ? 'notebook' : 'archive' },
    context: exists ? 'app' : 'appGone',
    expandable: true,
    spoken: listed(label, description, l10n.t('notebook'), cells),
  };
}

export function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}
