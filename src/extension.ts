import os from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { languageOf } from './protocol/quantities';
import { AtTheCell } from './explorer/cell/AtTheCell';
import { openBudgetFile } from './explorer/setup/budgetFile';
import { CacheCommands } from './explorer/commands/CacheCommands';
import { ClearCommands } from './explorer/commands/ClearCommands';
import { type Branch, CellTree } from './explorer/tree/CellTree';
import { CellTreeView } from './explorer/tree/CellTreeView';
import { CheckCommand } from './explorer/commands/CheckCommand';
import { Discovery } from './explorer/tree/Discovery';
import { ExportCommand } from './explorer/commands/ExportCommand';
import { GoToResult } from './explorer/commands/GoToResult';
import { ImportCommand } from './explorer/commands/ImportCommand';
import { InstallCommand } from './explorer/setup/InstallCommand';
import { LanguageClient } from './explorer/cell/LanguageClient';
import { NodeSource } from './explorer/tree/NodeSource';
import { Notices } from './explorer/Notices';
import { CellsOfEditors } from './explorer/cell/CellsOfEditors';
import { PinCommands } from './explorer/commands/PinCommands';
import { PruneCommand } from './explorer/commands/PruneCommand';
import { logLine } from './explorer/commands/pruneReport';
import { Pruning } from './explorer/commands/Pruning';
import type { PythonPackage } from './explorer/setup/PythonPackage';
import { ScriptsCommand } from './explorer/setup/ScriptsCommand';
import { ServeCommand } from './explorer/setup/ServeCommand';
import { SettingProblems } from './explorer/setup/SettingProblems';
import { TargetPicker } from './explorer/commands/TargetPicker';
import { TargetReader } from './explorer/commands/TargetReader';
import { given, Targets } from './explorer/commands/Targets';
import type { TerminalPath } from './explorer/setup/TerminalPath';
import { TurnOnCommand } from './explorer/setup/TurnOnCommand';
import { UndoClear } from './explorer/commands/UndoClear';
import { Upkeep } from './explorer/Upkeep';
import { ViewCommands } from './explorer/tree/ViewCommands';
import { WhyCommand } from './explorer/commands/WhyCommand';
import { WorkspaceWatcher } from './explorer/tree/WorkspaceWatcher';
import { DecodingWorker } from './formats/DecodingWorker';
import { Overview } from './preview/Overview';
import { Previews } from './preview/Previews';
import { Caches } from './store/Caches';

/** What was there from the start: see activation.ts. */
export interface Entrance {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly tree: vscode.TreeView<Branch>;
  readonly python: PythonPackage;
  readonly terminals: TerminalPath;
}

/** What is asked for from the start on. */
export interface Extension {
  readonly cells: CellTreeView & vscode.TreeDataProvider<Branch>;
  readonly previews: vscode.WebviewPanelSerializer;
  /** What is being written is written, and the databases are closed. */
  close(): Promise<void>;
}

/** The composition root: makes the parts and connects them, and decides nothing. */
export function start({ context, log, tree: shown, python, terminals }: Entrance): Extension {
  if (vscode.l10n.bundle !== undefined) l10n.config({ contents: vscode.l10n.bundle });
  const notices = new Notices(log);
  const { report } = notices;

  const dist = path.join(context.extensionUri.fsPath, 'dist');

  const watcher = new WorkspaceWatcher();
  const caches = new Caches({ watcher, report });
  const discovery = new Discovery(watcher);
  const settings = new SettingProblems(discovery, report);
  const reader = () => ({ locale: languageOf(vscode), now: Date.now() / 1000 });
  const language = new LanguageClient(path.join(dist, 'server.js'), caches, log);
  const openCells = new CellsOfEditors(language, caches);
  const nodes = new NodeSource(
    caches,
    report,
    (cache) => openCells.in(cache),
    () => settings.all,
  );
  const tree = new CellTree(nodes, reader);
  const view = new CellTreeView(shown, tree, discovery, caches, report);

  const previews = new Previews({
    extensionUri: context.extensionUri,
    caches,
    newDecoder: () => new DecodingWorker(path.join(dist, 'decoder.js')),
    log,
    openCells: (cache) => openCells.in(cache),
    memento: context.workspaceState,
  });
  const reading = new TargetReader(caches, discovery, (cache) => openCells.in(cache));
  const picker = new TargetPicker(reading, (cache) => openCells.in(cache));
  const targets = new Targets(caches, reading, picker, tree, view, language);
  const goToResult = new GoToResult(caches, discovery, (cache) => openCells.in(cache), notices);
  const install = new InstallCommand(python, notices, log);
  const turnOn = new TurnOnCommand(notices);
  const scripts = new ScriptsCommand(notices);
  const check = new CheckCommand(caches, discovery, notices);
  const why = new WhyCommand(caches, targets, language, notices);
  const importing = new ImportCommand(caches, discovery, tree, notices, log);
  const exporting = new ExportCommand(caches, targets, reading, notices, log);
  const pruning = new Pruning(caches, discovery);
  const prune = new PruneCommand(caches, pruning, notices);
  const upkeep = new Upkeep({
    caches,
    databases: () => pruning.databases(),
    plan: (database) => pruning.plan(database),
    trusted: () => vscode.workspace.isTrusted,
    now: () => Date.now() / 1000,
    steady: () => os.uptime(),
    tell: (database, done) => {
      log.info(logLine(pruning.nameOf(database), done, languageOf(vscode)));
    },
    report,
  });
  const overview = new Overview({
    extensionUri: context.extensionUri,
    caches,
    databases: () => pruning.databases(),
    nameOf: (database) => pruning.nameOf(database),
    openSettings: openBudgetFile,
    report,
  });
  const undoClear = new UndoClear(notices);
  const serving = new ServeCommand(caches, context, notices);

  // All are asked each time: one that is hidden must not blind the others.
  const follow = () => {
    caches.setVisible(view.visible || previews.visible || overview.visible);
  };
  view.onDidChangeVisibility(follow);
  previews.onDidChangeVisible(follow);
  overview.onDidChangeVisible(follow);
  follow();

  const { registerCommand } = vscode.commands;
  context.subscriptions.push(
    watcher,
    discovery,
    view,
    language,
    openCells,
    openCells.onDidChange((cache) => {
      view.lookAgain(cache);
      previews.refresh(cache);
    }),
    settings,
    settings.onDidChange(() => {
      view.lookAtAll();
    }),
    targets,
    previews,
    overview,
    upkeep,
    check,
    new AtTheCell(language, caches, (notebook) => view.reveal(notebook)),
    new PinCommands(caches, targets, notices),
    registerCommand('cellar.why', (...args: unknown[]) => why.run(...given(args))),
    undoClear,
    new CacheCommands(caches, targets, language, previews, notices),
    new ClearCommands(caches, targets, reading, notices, undoClear),
    new ViewCommands(tree, view, (setting) => settings.show(setting), log, notices),
    registerCommand('cellar.goToResult', () => goToResult.run()),
    registerCommand('cellar.installInPythonEnvironment', () => install.run()),
    registerCommand('cellar.turnOnCellCaching', () => turnOn.run()),
    serving,
    registerCommand('cellar.useSqliteForScripts', () => scripts.run()),
    registerCommand('cellar.checkCache', () => check.run()),
    registerCommand('cellar.pruneCache', () => prune.run()),
    registerCommand('cellar.showOverview', () => {
      overview.show();
    }),
    registerCommand('cellar.importFileCache', (node?: unknown) => importing.run(node)),
    registerCommand('cellar.exportCache', (node?: unknown, others?: unknown) =>
      exporting.run(node, others),
    ),
    registerCommand('cellar.serveCache', () => serving.run()),
    registerCommand('cellar.stopServing', () => serving.stop()),
    registerCommand('cellar.openTerminal', () => terminals.openTerminal()),
  );
  void serving.resume();
  return {
    cells: view,
    previews,
    close: async () => {
      // What is served is taken back, and what was cleared forgotten, while the databases are still open.
      await Promise.all([serving.close(), undoClear.close()]);
      await Promise.all([language.stop(), caches.close()]);
    },
  };
}
