import path from 'node:path';
import process from 'node:process';
import * as vscode from 'vscode';
import { InstallFailure, install } from './installing';
import { type Interpreter, ask, askAll, interpreterOf } from './interpreters';
import { untilCancelled } from '../commands/progress';
import { type Notices, tell, warn } from '../Notices';
import { withoutLinks } from '../withoutLinks';
import type { PythonPackage } from './PythonPackage';

/** What of the Python extension's API is asked, where that extension is there. */
interface PythonExtension {
  readonly environments?: {
    getActiveEnvironmentPath?(resource?: vscode.Uri): { readonly path?: string } | undefined;
    readonly known?: readonly { readonly path?: string }[];
  };
}

/**
 * The command Install in Python Environment: for kernels that see no terminal's environment, such as
 * those of the official marimo extension.
 */
export class InstallCommand {
  constructor(
    private readonly python: PythonPackage,
    private readonly notices: Notices,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  async run(): Promise<void> {
    const failure = vscode.l10n.t('Installing failed');
    try {
      if (!(await this.notices.trusted())) return;
      const wheel = await this.python.wheel();
      if (wheel === undefined) {
        throw new Error(
          vscode.l10n.t(
            'this build of Cellar carries no Python package; `npm run package` makes one that does.',
          ),
        );
      }
      const interpreter = await this.choose();
      if (interpreter !== undefined) await this.install(interpreter, wheel);
    } catch (error) {
      await this.notices.failed(failure, error);
    }
  }

  private async choose(): Promise<Interpreter | undefined> {
    type Choice = vscode.QuickPickItem & { readonly interpreter?: Interpreter };
    const browse: Choice = {
      label: vscode.l10n.t('$(folder-opened) Browse...'),
      detail: vscode.l10n.t("Choose an environment's Python yourself"),
      alwaysShow: true,
    };
    const choices = candidates()
      .then((executables) => askAll(executables))
      .then((interpreters): Choice[] => [
        ...interpreters.map((interpreter) => ({
          label: `Python ${interpreter.version}`,
          description: interpreter.prefix,
          detail: state(interpreter),
          interpreter,
        })),
        browse,
      ]);
    const chosen = await vscode.window.showQuickPick(choices, {
      title: vscode.l10n.t('Install in Python Environment'),
      placeHolder: vscode.l10n.t('Choose the environment in which the notebook runs'),
      matchOnDescription: true,
    });
    if (chosen !== browse) return chosen?.interpreter;
    const [file] =
      (await vscode.window.showOpenDialog({
        title: vscode.l10n.t("Choose an environment's Python"),
        openLabel: vscode.l10n.t('Install Here'),
      })) ?? [];
    if (file === undefined) return undefined;
    const interpreter = await ask(file.fsPath);
    if (interpreter === undefined) {
      throw new Error(vscode.l10n.t('{0} does not answer as a Python does.', file.fsPath));
    }
    return interpreter;
  }

  private async install(interpreter: Interpreter, wheel: string): Promise<void> {
    const outcome = await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: withoutLinks(vscode.l10n.t('Installing marimo_cellar in {0}', interpreter.prefix)),
        cancellable: true,
      },
      (_, token) =>
        untilCancelled(token, async (signal) => {
          try {
            await install(interpreter, wheel, {
              signal,
              onOutput: (text) => {
                this.log.info(text.trimEnd());
              },
            });
          } catch (error) {
            throw error instanceof InstallFailure
              ? new Error(words(error, interpreter), { cause: error })
              : error;
          }
          return signal.aborted ? undefined : ask(interpreter.executable, signal);
        }),
    );
    if (outcome === undefined) {
      void tell(vscode.l10n.t('Installing was cancelled. Run it again to be sure of it.'));
      return;
    }
    if (outcome.cellar === undefined) {
      throw new Error(
        vscode.l10n.t('{0} does not find the package after all.', interpreter.executable),
      );
    }
    const installed = vscode.l10n.t(
      'Restart the kernel: marimo_cellar {0} is installed in {1}.',
      outcome.cellar,
      outcome.purelib,
    );
    if (outcome.marimo === undefined) {
      void warn(`${installed} ${vscode.l10n.t('marimo itself is not installed there yet.')}`);
    } else {
      void tell(installed);
    }
  }
}

function words({ why, detail }: InstallFailure, { executable, version }: Interpreter): string {
  switch (why) {
    case 'managed':
      return vscode.l10n.t(
        "{0} belongs to the system's package manager. Make a virtual environment (python -m venv .venv) and choose that.",
        executable,
      );
    case 'tooOld':
      return vscode.l10n.t('{0} is Python {1}; Cellar needs 3.10 or later.', executable, version);
    case 'failed':
      return vscode.l10n.t('{0} says: {1}', executable, detail);
  }
}

function state({ marimo, cellar, managed }: Interpreter): string {
  const parts = [
    marimo === undefined ? vscode.l10n.t('without marimo') : `marimo ${marimo}`,
    cellar === undefined ? vscode.l10n.t('without Cellar') : `Cellar ${cellar}`,
  ];
  if (managed) parts.push(vscode.l10n.t("the system's own"));
  return parts.join(', ');
}

/** Where Pythons may be, the likeliest first; some of them may not be there. */
async function candidates(): Promise<string[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const api = await pythonExtension();
  const environments = await vscode.workspace.findFiles('{*/,*/*/}pyvenv.cfg', null, 50);
  const setting = vscode.workspace
    .getConfiguration('python')
    .get<string>('defaultInterpreterPath', 'python');
  const active = [process.env.VIRTUAL_ENV, process.env.CONDA_PREFIX];
  const [first] = folders;
  return [
    api?.environments?.getActiveEnvironmentPath?.(first?.uri)?.path,
    ...environments.map(({ fsPath }) => interpreterOf(path.dirname(fsPath))),
    first === undefined ? setting : setting.replaceAll('${workspaceFolder}', first.uri.fsPath),
    ...active.map((prefix) => (prefix === undefined ? undefined : interpreterOf(prefix))),
    ...(api?.environments?.known ?? []).map((environment) => environment.path),
    'python3',
    'python',
  ].flatMap((executable) => (executable === undefined || executable === '' ? [] : [executable]));
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>('ms-python.python');
  // Without that extension, or with one that fails, our own search has to do.
  return extension?.activate().then(
    (api) => api,
    () => undefined,
  );
}
