import * as l10n from '@vscode/l10n';
import { valueName } from '../../protocol/labels';
import { formatBytes } from '../../protocol/quantities';
import type { Format } from '../../store/rows';
import type { ItemNode } from './nodes';
import { listed, type Reader, type Shown } from './row';

export function itemRow({ item, exists, orphaned }: ItemNode, { locale }: Reader): Shown {
  const label = valueName(item.name);
  const kind = formatNames()[item.format];
  const description = listed(
    item.quarantined ? l10n.t('damaged') : undefined,
    item.typeHint === undefined ? kind : lastName(item.typeHint),
    formatBytes(item.size, locale),
  );
  return {
    label,
    description,
    tooltip: {
      title: label,
      lines: [
        ...(item.quarantined
          ? [l10n.t('The stored bytes are wrong: they are never served, the cell runs again.')]
          : []),
        ...(item.name === 'random state'
          ? [l10n.t('With it, random numbers go on after the cell as if that had run.')]
          : []),
        kind,
        ...(item.typeHint === undefined ? [] : [item.typeHint]),
        item.key,
        `SHA-256 ${item.digest}`,
      ],
    },
    icon: item.quarantined
      ? { name: 'error', color: 'problemsErrorIcon.foreground' }
      : { name: formatIcons[item.format] },
    context: orphaned || !exists ? 'itemRetired' : 'item',
    expandable: false,
    spoken: listed(label, description, item.typeHint === undefined ? undefined : kind),
  };
}

function formatNames(): Record<Format, string> {
  return {
    arrow: l10n.t('table'),
    json: 'JSON',
    npy: l10n.t('array'),
    pickle: 'pickle',
    pt: 'PyTorch',
    bin: l10n.t('bytes'),
    manifest: 'JSON',
  };
}

const formatIcons: Record<Format, string> = {
  arrow: 'table',
  json: 'json',
  npy: 'symbol-array',
  pickle: 'package',
  pt: 'symbol-numeric',
  bin: 'file-binary',
  manifest: 'list-tree',
};

/** `DataFrame` of `pandas.core.frame.DataFrame`; the tooltip has all of it. */
function lastName(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
