import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ESLint } from 'eslint';

const root = path.resolve(__dirname, '../../..');
// Where CI is set, typescript-eslint believes the files on the disk instead of the text it is given.
process.env.TSESTREE_SINGLE_RUN = 'false';
const eslint = new ESLint({ cwd: root });

/**
 * Lints one import as if it stood in a file of the room. An existing file's path is borrowed, because
 * the typed rules know only files of the project.
 */
async function offences(room: string, statement: string): Promise<number> {
  const file = readdirSync(path.join(root, room)).find(
    (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'),
  );
  assert.ok(file, `${room} has a file`);
  const [result] = await eslint.lintText(`${statement}\n`, {
    filePath: path.join(root, room, file),
  });
  assert.ok(result);
  const fatal = result.messages.find((message) => message.fatal);
  assert.equal(fatal, undefined, fatal?.message);
  return result.messages.filter(
    (message) => message.ruleId === '@typescript-eslint/no-restricted-imports',
  ).length;
}

const offenders: readonly (readonly [room: string, statement: string])[] = [
  ['src/store', `import * as vscode from 'vscode'; void vscode;`],
  ['src/notebook', `import * as vscode from 'vscode'; void vscode;`],
  ['src/formats', `import * as vscode from 'vscode'; void vscode;`],
  ['src/server', `import * as vscode from 'vscode'; void vscode;`],
  ['src/endpoint', `import * as vscode from 'vscode'; void vscode;`],
  ['src/endpoint', `import * as explorer from '../explorer/tree'; void explorer;`],
  ['src/store', `import * as endpoint from '../endpoint/Endpoint'; void endpoint;`],
  ['src/preview', `import * as endpoint from '../endpoint/Endpoint'; void endpoint;`],
  ['src/protocol', `import type { Uri } from 'vscode'; export type A = Uri;`],
  ['src/notebook', `import * as fs from 'fs'; void fs;`],
  ['src/notebook', `import * as fs from 'node:fs'; void fs;`],
  ['src/notebook', `import * as fs from 'node:fs/promises'; void fs;`],
  ['src/protocol', `import * as path from 'path'; void path;`],
  ['src/protocol', `import * as path from 'node:path'; void path;`],
  ['webview', `import * as path from 'node:path'; void path;`],
  ['webview', `import * as path from 'path'; void path;`],
  ['webview', `import type { AppSummary } from '../src/store/rows'; export type A = AppSummary;`],
  ['webview', `import { Button } from '@vscode/webview-ui-toolkit'; void Button;`],
  ['src/store', `import * as notebook from '../notebook/cells'; void notebook;`],
  ['src/store', `import * as cells from '../protocol/cells'; void cells;`],
  ['src/notebook', `import type { AppSummary } from '../store/rows'; export type A = AppSummary;`],
  ['src/formats', `import { parseReference } from '../protocol/references'; void parseReference;`],
  ['src/formats', `import * as store from '../store/rows'; void store;`],
  ['src/explorer', `import * as notebook from '../notebook/cells'; void notebook;`],
  ['src/explorer', `import * as preview from '../preview/Previews'; void preview;`],
  ['src/preview', `import * as explorer from '../explorer/tree'; void explorer;`],
  ['src/server', `import * as formats from '../formats/decoder'; void formats;`],
  ['src/server', `import * as root from '../extension'; void root;`],
  ['src/explorer', `import * as root from '../activation'; void root;`],
  ['src/preview', `import * as page from '../../webview/main'; void page;`],
  ['src/store/database', `import * as entries from '../entries/listing'; void entries;`],
  ['src/store/entries', `import * as cleaning from '../cleaning/pruning'; void cleaning;`],
  ['src/store/entries', `import * as vscode from 'vscode'; void vscode;`],
  ['src/store/cleaning', `import * as protocol from '../../protocol/cells'; void protocol;`],
  ['src/explorer/tree', `import * as commands from '../commands/Targets'; void commands;`],
];

const neighbours: readonly (readonly [room: string, statement: string])[] = [
  ['src/explorer', `import * as vscode from 'vscode'; void vscode;`],
  ['src/preview', `import * as vscode from 'vscode'; void vscode;`],
  ['src/store', `import * as fs from 'node:fs'; void fs;`],
  ['src/endpoint', `import * as http from 'node:http'; void http;`],
  ['src/endpoint', `import { readText } from '../store/rows'; void readText;`],
  ['src/explorer', `import { Endpoint } from '../endpoint/Endpoint'; void Endpoint;`],
  ['src/formats', `import type { Page } from '../protocol/pages'; export type A = Page;`],
  ['src/server', `import type { AppSummary } from '../store/rows'; export type A = AppSummary;`],
  ['webview', `import { parseReference } from '../src/protocol/references'; void parseReference;`],
  ['src/store/cleaning', `import { removeUnused } from '../blobs/removal'; void removeUnused;`],
  ['src/explorer/setup', `import { Notices } from '../Notices'; void Notices;`],
];

for (const [room, statement] of offenders) {
  test(`${room} may not: ${statement}`, async () => {
    assert.ok((await offences(room, statement)) > 0);
  });
}

for (const [room, statement] of neighbours) {
  test(`${room} may: ${statement}`, async () => {
    assert.equal(await offences(room, statement), 0);
  });
}

test('a notice that may hold a link is an offence, and a dialog that holds none is not', async () => {
  const lint = async (call: string): Promise<number> => {
    const [result] = await eslint.lintText(
      `import * as vscode from 'vscode'; void vscode.window.${call};\n`,
      { filePath: path.join(root, 'src/explorer/pickOne.ts') },
    );
    return (result?.messages ?? []).filter(({ ruleId }) => ruleId === 'no-restricted-syntax')
      .length;
  };
  assert.equal(await lint("showInformationMessage('of ' + name, 'Undo')"), 1);
  assert.equal(await lint("showWarningMessage('of ' + name)"), 1);
  assert.equal(await lint("showWarningMessage('of ' + name, { modal: true, detail: '' })"), 0);
});
