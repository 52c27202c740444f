import * as vscode from 'vscode';
import { serveFolder, type Door, type Served } from '../../endpoint/serveFolder';
import { count, object, text } from '../../protocol/shape';
import type { Caches } from '../../store/Caches';
import { type Notices, tell } from '../Notices';
import {
  chooseFolder,
  chooseWay,
  configurationFor,
  inWords,
  nameOf,
  wishShape,
  type Wish,
} from './serveChoices';
import { closeTabs } from './closeTabs';
import { fileKey, wishKey } from './leftServed';
import { lineOf, storeSetting } from './servedStore';
import { takeLineBack, writeLine } from './storeLine';

interface Serving {
  readonly wish: Wish;
  readonly served: Served;
  /** The configuration that holds the line. */
  readonly file: string | undefined;
}

const doorShape = object<Door>({ port: count, token: text });

/**
 * The command Serve Cache to Other Kernels: lets a stock marimo, which cannot open the cache's files or
 * may have nothing installed, use it through an endpoint of this window. It writes the line that tells
 * marimo so, and takes it back when serving ends; the window's end takes it back too, since another
 * program may be given the port then, and marimo unpickles what it is sent. The next window of the
 * workspace goes on by itself, behind the same port and token where it can.
 */
export class ServeCommand implements vscode.Disposable {
  #serving: Serving | undefined;
  /** One thing after the other. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #status = vscode.window.createStatusBarItem('cellar.serving');
  readonly #trust = vscode.workspace.onDidGrantWorkspaceTrust(() => this.resume());

  constructor(
    private readonly caches: Caches,
    private readonly context: Pick<
      vscode.ExtensionContext,
      'secrets' | 'workspaceState' | 'globalState'
    >,
    private readonly notices: Notices,
  ) {
    this.#status.name = vscode.l10n.t('Cellar: Cache Served');
    this.#status.command = 'cellar.serveCache';
  }

  dispose(): void {
    this.#status.dispose();
    this.#trust.dispose();
  }

  /** Begins to serve; while it does, says so and offers to stop. */
  run(): Promise<void> {
    return this.#next(vscode.l10n.t('The cache is not served'), async () => {
      if (!(await this.notices.trusted())) return;
      if (this.#serving !== undefined) {
        void this.#say(this.#serving, vscode.l10n.t('The cache of {0} is served.', this.#name()));
        return;
      }
      const folder = await chooseFolder();
      const wish = folder === undefined ? undefined : await chooseWay(folder);
      if (wish === undefined) return;
      const serving = await this.#begin(wish, undefined);
      void this.#say(serving, await this.#shown(serving));
    });
  }

  /** Goes on with what the last window of this workspace served; takes back what a dead one left. */
  resume(): Promise<void> {
    return this.#next(vscode.l10n.t('The cache is not served'), async () => {
      if (!vscode.workspace.isTrusted || this.#serving !== undefined) return;
      const left = this.context.globalState.get(fileKey);
      if (typeof left === 'string') {
        await takeLineBack(left).catch((error: unknown) => {
          throw inWords(error, left);
        });
      }
      const known = this.context.workspaceState.get(wishKey);
      if (known === undefined) return;
      // Asked for again only once it works: one that cannot be granted would complain in every window.
      await this.context.workspaceState.update(wishKey, undefined);
      const wish = wishShape(known, wishKey);
      const secret = await this.context.secrets.get(secretOf(wish));
      const former = secret === undefined ? undefined : doorShape(JSON.parse(secret), 'door');
      const serving = await this.#begin(wish, former);
      if (wish.line === 'copied' && serving.served.port !== former?.port) {
        const said = vscode.l10n.t(
          'The cache of {0} is served behind another port than before, as that one was taken: copy the line anew.',
          this.#name(),
        );
        void this.#say(serving, said);
      }
    });
  }

  /** Ends serving for good: line, port and token are gone. */
  stop(): Promise<void> {
    return this.#next(lineLeft(), async () => {
      const serving = this.#serving;
      if (serving === undefined) return;
      // First of all: a line that cannot be taken back now is left to the next window, which is not to serve.
      await this.context.workspaceState.update(wishKey, undefined);
      await this.context.secrets.delete(secretOf(serving.wish));
      const isGone = await this.#end(serving);
      if (isGone && serving.file !== undefined) await closeTabs(vscode.Uri.file(serving.file));
      await this.context.globalState.update(fileKey, undefined);
      void tell(
        serving.file === undefined
          ? vscode.l10n.t('No longer served. Take the line out where you put it.')
          : vscode.l10n.t('No longer served, and the line is gone from {0}.', serving.file),
      );
    });
  }

  /** To be awaited when the window closes. */
  close(): Promise<void> {
    return this.#next(lineLeft(), async () => {
      if (this.#serving !== undefined) await this.#end(this.#serving);
    });
  }

  async #begin(wish: Wish, former: Door | undefined): Promise<Serving> {
    const served = await serveFolder(this.caches, wish.folder, former, this.notices.report);
    let file: string | undefined;
    try {
      if (wish.line === 'written') {
        file = await configurationFor(wish.folder);
        await this.context.globalState.update(fileKey, file);
        const setting = storeSetting(wish.version, served);
        await writeLine(file, setting, served.port);
      }
      await this.#remember(wish, served);
    } catch (error) {
      // Also where the system keeps no secrets, and the line is written already.
      if (file !== undefined) await takeLineBack(file, served.port).catch(this.notices.report);
      await served.close();
      throw inWords(error, file ?? '');
    }
    this.#serving = { wish, served, file };
    this.#status.text = vscode.l10n.t('$(broadcast) Cache served');
    this.#status.tooltip = vscode.l10n.t(
      'The cache of {0} is served to other kernels on port {1} of this machine.',
      this.#name(),
      served.port,
    );
    this.#status.show();
    await vscode.commands.executeCommand('setContext', 'cellar.serving', true);
    return this.#serving;
  }

  /**
   * The line goes first: nobody is to be sent where nobody serves.
   * @returns whether the file is gone that it was in.
   */
  async #end({ file, served }: Serving): Promise<boolean> {
    this.#serving = undefined;
    this.#status.hide();
    await vscode.commands.executeCommand('setContext', 'cellar.serving', false);
    try {
      return file !== undefined && (await takeLineBack(file, served.port));
    } catch (error) {
      throw inWords(error, file ?? '');
    } finally {
      await served.close();
    }
  }

  async #remember(wish: Wish, { port, token }: Door): Promise<void> {
    await this.context.secrets.store(secretOf(wish), JSON.stringify({ port, token }));
    await this.context.workspaceState.update(wishKey, wish);
  }

  /** Shows the line, or copies it. @returns what there is to say then. */
  async #shown({ wish, served, file }: Serving): Promise<string> {
    if (file === undefined) {
      await vscode.env.clipboard.writeText(lineOf(storeSetting(wish.version, served)));
      return vscode.l10n.t(
        'The cache of {0} is served. The line is copied: put it at the top of marimo.toml where the kernel runs, and see that its port {1} leads here.',
        this.#name(),
        served.port,
      );
    }
    const document = await vscode.workspace.openTextDocument(file);
    const editor = await vscode.window.showTextDocument(document);
    // Its beginning: the line is long, and its end is a name that says little.
    const { line } = document.positionAt(document.getText().indexOf(served.project));
    const { start } = document.lineAt(line).range;
    editor.selection = new vscode.Selection(start, start);
    editor.revealRange(
      new vscode.Range(start, start),
      vscode.TextEditorRevealType.InCenterIfOutsideViewport,
    );
    return vscode.l10n.t(
      'The cache of {0} is served. Restart the kernels that are to use it: see {1}, line {2}.',
      this.#name(),
      file,
      line + 1,
    );
  }

  async #say({ wish, served }: Serving, message: string): Promise<void> {
    const [copy, stop] = [vscode.l10n.t('Copy Line'), vscode.l10n.t('Stop Serving')];
    const chosen = await tell(message, copy, stop);
    if (chosen === stop) await this.stop();
    if (chosen === copy) {
      await vscode.env.clipboard.writeText(lineOf(storeSetting(wish.version, served)));
    }
  }

  #name(): string {
    return nameOf(this.#serving?.served.folder ?? '');
  }

  #next(failed: string, work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work).catch((error: unknown) => {
      void this.notices.failed(failed, error);
    });
    this.#last = done;
    return done;
  }
}

function lineLeft(): string {
  return vscode.l10n.t('The cache is no longer served, but its line is still there');
}

function secretOf({ folder }: Wish): string {
  return `cellar.endpoint ${folder}`;
}
