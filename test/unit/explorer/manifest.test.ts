import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

interface Manifest {
  readonly icon: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly icon?: string }[];
    readonly menus: Readonly<
      Record<
        string,
        readonly { readonly command: string; readonly when?: string; readonly group?: string }[]
      >
    >;
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly description: string;
        readonly completionEvents: readonly string[];
      }[];
    }[];
    readonly viewsWelcome: readonly { readonly contents: string; readonly when: string }[];
    readonly configuration: {
      readonly properties: Readonly<Record<string, { readonly order?: number }>>;
    };
  };
}

const root = path.join(__dirname, '../../..');
const manifestText = readFileSync(path.join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(manifestText) as Manifest;
const words = JSON.parse(readFileSync(path.join(root, 'package.nls.json'), 'utf8')) as Record<
  string,
  string
>;
const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'));
const source = sources.join('\n');
/** Where rows of the tree are made. */
const nodes = readdirSync(path.join(root, 'src/explorer/tree'))
  .filter((file) => file.endsWith('Row.ts'))
  .map((file) => readFileSync(path.join(root, 'src/explorer/tree', file), 'utf8'))
  .join('\n');
const declared = manifest.contributes.commands.map(({ command }) => command);

test('every text of the manifest has its words, and no words are left over', () => {
  const used = [...manifestText.matchAll(/%([\w.]+)%/g)].map(([, key]) => key);
  assert.deepEqual([...new Set(used)].sort(), Object.keys(words).sort());
});

test('every command that is declared is registered, and the other way round', () => {
  const registered = [...source.matchAll(/\bregister(?:Command)?\(\s*'(cellar\.\w+)'/g)].map(
    ([, command]) => command,
  );
  assert.deepEqual(registered.sort(), [...declared].sort());
});

test('menus and links name declared commands', () => {
  const links = Object.values(words).flatMap((text) =>
    [...text.matchAll(/\(command:(cellar\.\w+)\)/g)].map(([, command]) => ({ command })),
  );
  for (const { command } of [...Object.values(manifest.contributes.menus).flat(), ...links]) {
    assert.ok(command !== undefined && declared.includes(command), command);
  }
});

test("each button of the walkthrough's steps ticks its step", () => {
  const steps = manifest.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
  for (const { description, completionEvents } of steps) {
    if (completionEvents.includes('onStepSelected')) continue;
    const text = words[description.replaceAll('%', '')] ?? '';
    const buttons = [...text.matchAll(/\(command:([\w.]+)\)/g)].map(([, command]) => command);
    assert.ok(buttons.length > 0, description);
    for (const button of buttons) {
      assert.ok(completionEvents.includes(`onCommand:${button}`), button);
    }
  }
});

test('what is done with the cell at the cursor is offered where no folder is open, too', () => {
  const { commandPalette = [] } = manifest.contributes.menus;
  for (const name of ['why', 'clearCellCache', 'pin', 'unpin']) {
    const item = commandPalette.find(({ command }) => command === `cellar.${name}`);
    assert.match(item?.when ?? '', /\|\| editorLangId == python$/, name);
  }
});

test('what the palette offers only where a folder is open, the title of the view offers only there', () => {
  const { commandPalette = [], 'view/title': title = [] } = manifest.contributes.menus;
  const isOfFolder = (when = '') => /(^| && )workbenchState != empty($| && )/.test(when);
  const ofFolder = commandPalette.filter(({ when }) => isOfFolder(when));
  const offered = title.filter(({ command }) => ofFolder.some((one) => one.command === command));
  assert.ok(offered.length > 5);
  for (const { command, when } of offered) assert.ok(isOfFolder(when), command);
});

test("menus ask for nodes that the tree has, and the view's words for states that it takes", () => {
  const contexts = new Set(
    [...nodes.matchAll(/context:([^,]+),\n/g)].flatMap(([, value]) =>
      [...(value ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name ?? ''),
    ),
  );
  for (const { when } of manifest.contributes.menus['view/item/context'] ?? []) {
    const equal = /viewItem == (\w+)/.exec(when ?? '')?.[1];
    const pattern = /viewItem =~ \/(.+)\//.exec(when ?? '')?.[1];
    const matches = [...contexts].filter((context) =>
      equal === undefined ? new RegExp(pattern ?? '^$').test(context) : context === equal,
    );
    assert.ok(matches.length > 0, when);
  }
  const states = readFileSync(path.join(root, 'src/explorer/tree/state.ts'), 'utf8');
  for (const { when } of manifest.contributes.viewsWelcome) {
    const state = /cellar\.state == '(\w+)'/.exec(when)?.[1];
    assert.ok(state === undefined || states.includes(`'${state}'`), when);
  }
});

/** Whether the menu of a row of the tree, by its context, has a command; or that of a row among several. */
function offered(command: string, row: string, selected: 'one' | 'several' = 'one'): boolean {
  const menu = manifest.contributes.menus['view/item/context'] ?? [];
  const other = selected === 'one' ? /&& listMultiSelection/ : /!listMultiSelection/;
  return menu.some(({ command: each, when = '', group }) => {
    if (group?.startsWith('inline') || other.test(when)) return false;
    const pattern =
      /viewItem =~ \/(.+)\//.exec(when)?.[1] ?? `^${/viewItem == (\w+)/.exec(when)?.[1]}$`;
    return each === command && new RegExp(pattern).test(row);
  });
}

test('what is about a cell is offered on cells and what they hold, and not on a notebook', () => {
  for (const row of ['cell', 'cellPinned', 'cellPartlyPinned', 'entry', 'entryPinned', 'item']) {
    assert.ok(offered('cellar.revealCell', row) && !offered('cellar.openNotebook', row), row);
  }
  assert.ok(offered('cellar.openNotebook', 'app') && !offered('cellar.revealCell', 'app'));
  for (const row of ['cellRetired', 'entryRetired', 'entryRetiredPinned', 'itemRetired']) {
    assert.ok(!offered('cellar.revealCell', row) && offered('cellar.preview', row), row);
    assert.ok(offered('cellar.clearCellCache', row), row);
  }
  for (const row of ['appGone', 'cellRetired', 'files', 'problem']) {
    assert.ok(!offered('cellar.revealCell', row) && !offered('cellar.openNotebook', row), row);
  }
});

test('what is kept of a cell that is gone can be pinned, and let go again', () => {
  for (const row of ['cell', 'cellRetired', 'entry', 'entryRetired']) {
    assert.ok(offered('cellar.pin', row) && !offered('cellar.unpin', row), row);
    assert.ok(!offered('cellar.pin', `${row}Pinned`) && offered('cellar.unpin', `${row}Pinned`));
  }
  // Of several rows VS Code offers what each of them has, and some may be pinned and others not.
  for (const row of ['cell', 'cellPinned', 'cellRetiredPartlyPinned', 'entry', 'entryPinned']) {
    assert.ok(offered('cellar.pin', row, 'several') && offered('cellar.unpin', row, 'several'));
  }
  // A notebook among them is all of its cells; alone it has no such choice.
  for (const command of ['cellar.pin', 'cellar.unpin']) {
    assert.ok(offered(command, 'app', 'several') && !offered(command, 'app'), command);
  }
  // Of which some calls are pinned alone.
  for (const row of ['cellPartlyPinned', 'cellRetiredPartlyPinned']) {
    assert.ok(offered('cellar.pin', row) && offered('cellar.unpin', row), row);
  }
});

test('of several rows one command clears, and is called by what it does with any of them', () => {
  const clears = declared.filter((command) => command.startsWith('cellar.clear'));
  for (const row of ['app', 'appGone', 'cell', 'cellRetiredPinned', 'entry', 'item']) {
    const ofSeveral = clears.filter((command) => offered(command, row, 'several'));
    assert.deepEqual(ofSeveral, ['cellar.clearSelected'], row);
    const ofOne = clears.filter((command) => offered(command, row));
    assert.ok(ofOne.length > 0 && !ofOne.includes('cellar.clearSelected'), row);
  }
});

test('settings stand on their page in the order in which they are told of', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const { properties } = manifest.contributes.configuration;
  const ordered = Object.entries(properties)
    .sort(([, a], [, b]) => (a.order ?? 0) - (b.order ?? 0))
    .map(([name]) => name);
  const told = [...readme.matchAll(/^\| `(cellar\.[\w.]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(ordered, told);
  // Without a number VS Code goes by the alphabet.
  assert.deepEqual(
    Object.values(properties).map(({ order }) => order),
    told.map((_, at) => at + 1),
  );
});

test('every setting is read by someone', () => {
  for (const setting of Object.keys(manifest.contributes.configuration.properties)) {
    // By its name below the section that was asked for: all of it, or some last parts.
    const parts = setting.split('.');
    const names = parts.map((_, from) => `'${parts.slice(from).join('.')}'`);
    assert.ok(
      names.some((name) => source.includes(name)),
      setting,
    );
  }
});

test('icons exist', () => {
  for (const file of [manifest.icon, 'media/activity.svg']) {
    assert.ok(readFileSync(path.join(root, file)).length > 0);
  }
  // The style sheet, unlike the package's metadata, knows aliases too.
  const codicons = readFileSync(
    path.join(root, 'node_modules/@vscode/codicons/dist/codicon.css'),
    'utf8',
  );
  const used = [
    ...manifest.contributes.commands.flatMap(
      ({ icon }) => icon?.match(/^\$\(([\w-]+)\)$/)?.[1] ?? [],
    ),
    ...[...nodes.matchAll(/name: '([\w-]+)'/g)].map(([, name]) => name ?? ''),
    ...[...(/formatIcons: [^{]*\{([^}]*)\}/.exec(nodes)?.[1] ?? '').matchAll(/: '([\w-]+)'/g)].map(
      ([, name]) => name ?? '',
    ),
    ...[...source.matchAll(/\$\(([\w-]+)\) /g)].map(([, name]) => name ?? ''),
  ];
  assert.ok(used.length > 20);
  for (const icon of used) assert.ok(codicons.includes(`.codicon-${icon}:`), icon);
});
