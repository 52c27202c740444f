import path from 'node:path';
import process from 'node:process';
import * as vscode from 'vscode';
import type { PythonPackage } from './PythonPackage';
import { inheritedPythonPath, pythonPath } from './pythonPath';

const variable = 'PYTHONPATH';
/** VS Code's name for the system's settings of terminals. */
const system =
  process.platform === 'win32' ? 'windows' : process.platform === 'darwin' ? 'osx' : 'linux';

/**
 * Puts the bundled Python package on the `PYTHONPATH` of terminals, in trusted workspaces and while
 * the setting allows it. VS Code remembers the change, so that terminals which it opens before us at
 * the next start have it too.
 */
export class TerminalPath implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly collection: vscode.EnvironmentVariableCollection,
    private readonly python: PythonPackage,
    private readonly report: (error: unknown) => void,
  ) {
    collection.description = vscode.l10n.t(
      'Keeps the results of marimo notebook cells in SQLite: puts the package `marimo_cellar` on the `PYTHONPATH`.',
    );
    this.disposables = [
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.update()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        const settings = ['cellar.terminal', `terminal.integrated.env.${system}`];
        if (settings.some((setting) => event.affectsConfiguration(setting))) void this.update();
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Copies the package where it is out of date, and adds or takes away the variable. */
  async update(): Promise<void> {
    try {
      if (this.wanted() && (await this.python.place())) this.set();
      else this.collection.delete(variable);
    } catch (error) {
      this.report(error);
    }
  }

  /** A terminal that has the package whatever the setting says; the user asked for it by name. */
  async openTerminal(): Promise<void> {
    const env: Record<string, string> = {};
    if (await this.python.place()) {
      const { kind, value } = this.mutation();
      if (!this.wanted()) env[variable] = kind === 'replace' ? value : value + (inherited() ?? '');
    }
    vscode.window.createTerminal({ name: 'marimo', env }).show();
  }

  private wanted(): boolean {
    const setting = vscode.workspace.getConfiguration('cellar.terminal');
    return vscode.workspace.isTrusted && setting.get('addToPythonPath', true);
  }

  private set(): void {
    const { kind, value } = this.mutation();
    if (kind === 'prepend') this.collection.prepend(variable, value);
    else this.collection.replace(variable, value);
  }

  private mutation() {
    return pythonPath(this.python.folder, inherited(), path.delimiter);
  }
}

function inherited(): string | undefined {
  const setting = vscode.workspace
    .getConfiguration('terminal.integrated.env')
    .get<Record<string, string | null>>(system);
  return inheritedPythonPath(setting, process.env);
}
