import { builtinModules } from 'node:module';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** Node's built-ins in both spellings: a ban on `fs` alone misses `node:fs`. */
const nodeBuiltins = builtinModules
  .filter((name) => !name.startsWith('_'))
  .flatMap((name) => [name, `node:${name}`]);

/**
 * The walls between rooms. A room may import itself, packages, the rooms in `may`, and the plain
 * types of the rooms in `mayTypes`. Everything else is a lint error. Where a room has floors, the
 * lowest first, none of them may import from one above it.
 */
const rooms = {
  store: {
    may: [],
    mayTypes: [],
    vscode: false,
    node: true,
    floors: ['settings', 'database', 'blobs', 'entries', 'stock', 'checking', 'cleaning'],
  },
  notebook: { may: [], mayTypes: [], vscode: false, node: false },
  formats: { may: [], mayTypes: ['protocol'], vscode: false, node: true },
  protocol: { may: [], mayTypes: [], vscode: false, node: false },
  server: { may: ['store', 'notebook', 'protocol'], mayTypes: [], vscode: false, node: true },
  endpoint: { may: ['store', 'protocol'], mayTypes: [], vscode: false, node: true },
  explorer: {
    may: ['store', 'endpoint', 'protocol'],
    mayTypes: [],
    vscode: true,
    node: true,
    floors: ['tree', 'cell', 'commands', 'setup'],
  },
  preview: { may: ['store', 'formats', 'protocol'], mayTypes: [], vscode: true, node: true },
};

/** @returns {import('eslint').Linter.Config[]} one configuration per room */
function walls() {
  const all = Object.keys(rooms);
  const ban = (names, message, allowTypeImports = false) => ({
    regex: `^(\\.\\./)+(src/)?(${names.join('|')})(/|$)`,
    message,
    allowTypeImports,
  });
  const wall = (files, may, mayTypes, { vscode, node }, extra = []) => ({
    files,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            ...(vscode ? [] : [{ name: 'vscode', message: 'This room does not know vscode.' }]),
            ...(node
              ? []
              : nodeBuiltins.map((name) => ({ name, message: 'This room runs without Node.' }))),
          ],
          patterns: [
            ...[
              ban(
                all.filter((room) => !may.includes(room) && !mayTypes.includes(room)),
                'A wall stands between these rooms.',
              ),
              ...(mayTypes.length > 0
                ? [ban(mayTypes, 'Only the types of this room may be used here.', true)]
                : []),
            ],
            { regex: '^(\\.\\./)+(webview)/', message: 'The browser side is imported by nobody.' },
            {
              regex: '^(\\.\\./)+(activation|extension)$',
              message: 'The composition root is imported by nobody.',
            },
            ...extra,
          ],
        },
      ],
    },
  });
  const walled = Object.entries(rooms).flatMap(
    ([room, { may, mayTypes, floors = [], ...knows }]) => [
      wall([`src/${room}/**/*.ts`], [room, ...may], mayTypes, knows),
      // The last configuration of a file counts, so each floor has its room's walls as well.
      ...floors.slice(0, -1).map((floor, at) => {
        const above = {
          regex: `^\\.\\./(${floors.slice(at + 1).join('|')})/`,
          message: 'A floor imports none above it.',
        };
        return wall([`src/${room}/${floor}/**/*.ts`], [room, ...may], mayTypes, knows, [above]);
      }),
    ],
  );
  const toolkit = {
    regex: '^@vscode/webview-ui-toolkit',
    message: 'The deprecated toolkit is imported by webview/components only.',
  };
  return [
    ...walled,
    wall(['webview/**/*.ts'], ['protocol'], [], { vscode: false, node: false }, [toolkit]),
    wall(['webview/components/**/*.ts'], ['protocol'], [], { vscode: false, node: false }),
  ];
}

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'test/out', 'test/fixtures', 'python', '**/__marimo__'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it', 'suite'], package: 'node:test' },
          ],
        },
      ],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.base],
    languageOptions: { globals: globals.node },
    rules: { eqeqeq: 'error', 'no-undef': 'error', 'no-unused-vars': 'error' },
  },
  {
    files: ['src/explorer/**/*.ts'],
    ignores: ['src/explorer/Notices.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          // A modal dialog makes no links.
          selector:
            'CallExpression[callee.property.name=/^show(Information|Warning|Error)Message$/]' +
            ":not([arguments.1.type='ObjectExpression'])",
          message: 'Notices.ts shows notices: a name in one may look like a link.',
        },
      ],
    },
  },
  ...walls(),
);
