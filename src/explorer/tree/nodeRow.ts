import * as l10n from '@vscode/l10n';
import { appRow } from './appRow';
import { cellRow } from './cellRow';
import { entryRow } from './entryRow';
import { itemRow } from './itemRow';
import { type Node, idOf } from './nodes';
import { filesRow, problemRow, setAsideRow, settingRow } from './noticeRow';
import { listed, type Reader, type Row } from './row';

/**
 * Pure: a node in, words out; what VS Code wants made of them is in `CellTreeView`. A side bar cuts rows
 * off at their end, so that a description says first how a thing stands, then what it saves.
 */
export function rowOf(node: Node, reader: Reader): Row {
  const id = idOf(node);
  switch (node.kind) {
    case 'folder':
      return {
        id,
        label: node.name,
        description: '',
        tooltip: { title: node.path, lines: [] },
        icon: { name: 'root-folder' },
        context: 'folder',
        expandable: true,
        spoken: listed(node.name, l10n.t('folder')),
      };
    case 'app':
      return { id, ...appRow(node, reader) };
    case 'cell':
      return { id, ...cellRow(node, reader) };
    case 'entry':
      return { id, ...entryRow(node, reader) };
    case 'item':
      return { id, ...itemRow(node, reader) };
    case 'problem':
      return { id, ...problemRow(node) };
    case 'setAside':
      return { id, ...setAsideRow(node, reader) };
    case 'setting':
      return { id, ...settingRow(node) };
    case 'files':
      return { id, ...filesRow(node) };
  }
}
