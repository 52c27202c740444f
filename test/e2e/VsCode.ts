import { cp, mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Browser, type Frame, type Locator, type Page } from 'playwright-core';
import { installExtension, serve, writeSettings } from '../../scripts/codeServer.mjs';
import { editor } from '../environment';
import { CellTree } from './CellTree';

const pictures = path.resolve(import.meta.dirname, '..', 'out');

/** Settings that keep what is not ours out of the way. */
const quiet = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'editor.hover.delay': 100,
  'editor.minimap.enabled': false,
  'security.workspace.trust.startupPrompt': 'never',
};

const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A colour theme: what it is called in the settings, and the class that the window has in one of its kind. */
export interface Theme {
  readonly name: string;
  readonly mark: 'vs' | 'vs-dark' | 'hc-black' | 'hc-light';
}

export interface Opening {
  /** The folder that VS Code shows. */
  readonly folder: string;
  /** In Restricted Mode when false. True by default. */
  readonly trusted?: boolean;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Added to the environment of VS Code, and so of its terminals. */
  readonly environment?: NodeJS.ProcessEnv;
  /** The .vsix files of other extensions, installed beside ours. */
  readonly companions?: readonly string[];
}

/** A real VS Code with the packaged extension, seen through a real browser. */
export class VsCode {
  readonly tree: CellTree;

  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly server: { stop: () => Promise<void> },
    private readonly profile: string,
    private readonly folder: string,
  ) {
    this.tree = new CellTree(page);
  }

  /** Opens the folder in a new profile that has the extension. */
  static async open(opening: Opening): Promise<VsCode> {
    const { node, entry, extensions, chromium: executablePath } = editor();
    const profile = await mkdtemp(path.join(tmpdir(), 'cellar-vscode-'));
    await writeSettings(profile, { ...quiet, ...opening.settings });
    await cp(extensions, path.join(profile, 'extensions'), { recursive: true });
    for (const file of opening.companions ?? []) {
      await installExtension({ node, entry }, profile, file);
    }
    const trust = opening.trusted === false ? [] : ['--disable-workspace-trust'];
    const server = await serve({ node, entry }, profile, {
      args: [...trust, opening.folder],
      env: { ...process.env, ...opening.environment },
    });
    const browser = await chromium
      .launch({ executablePath, args: chromiumArguments })
      .catch(async (error: unknown) => {
        await server.stop();
        await removeProfile(profile);
        throw error;
      });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const vsCode = new VsCode(page, browser, server, profile, opening.folder);
    try {
      await page.goto(`${server.address}/?folder=${encodeURIComponent(opening.folder)}`);
      await page.locator('.monaco-workbench .activitybar').waitFor({ timeout: 60_000 });
    } catch (error) {
      await vsCode.close();
      throw error;
    }
    return vsCode;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    await removeProfile(this.profile);
  }

  /** Saves a picture of the window as `test/out/<name>.png`. */
  async picture(name: string): Promise<void> {
    await mkdir(pictures, { recursive: true });
    await this.page.screenshot({ path: path.join(pictures, `${name}.png`) });
  }

  /** Changes the colour theme of the folder, and waits until the window has it. */
  async setTheme({ name, mark }: Theme): Promise<void> {
    // The browser's VS Code watches the folder's settings, and not the user's.
    const file = path.join(this.folder, '.vscode', 'settings.json');
    await mkdir(path.dirname(file), { recursive: true });
    await this.eventually(async () => {
      // Again at each try: what is written before VS Code watches the file goes unseen.
      await writeFile(file, JSON.stringify({ 'workbench.colorTheme': name }));
      await this.page.locator(`.monaco-workbench.${mark}`).waitFor({ timeout: 2000 });
    });
  }

  /** Opens the palette, types the words and takes the command that is offered first. */
  async command(words: string): Promise<void> {
    await this.choose(`>${words}`, words);
  }

  /** What the palette offers for some words; empty when no command matches. */
  async commandsFor(words: string): Promise<string[]> {
    await this.type(`>${words}`);
    const rows = this.page.locator('.quick-input-list .monaco-list-row');
    await rows.first().waitFor();
    const labels = await rows.allInnerTexts();
    await this.page.keyboard.press('Escape');
    return labels.filter((label) => label.toLowerCase().includes(words.toLowerCase()));
  }

  /**
   * Takes a choice of the quick pick that is open, by its label. It is typed rather than clicked,
   * since the list moves while it fills.
   */
  async pick(label: string): Promise<void> {
    await this.quickPickRow(label).first().waitFor();
    await this.page.locator('.quick-input-widget input').first().fill(label);
    await this.page
      .locator('.quick-input-list .monaco-list-row.focused', { hasText: label })
      .waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** A row of the quick pick that is open. */
  quickPickRow(text: string): Locator {
    const pattern = new RegExp(escaped(text), 'i');
    return this.page.locator('.quick-input-list .monaco-list-row', { hasText: pattern });
  }

  /** A notification that says so. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-list-item', { hasText: text });
  }

  /** Closes all notifications, so that they hide nothing. */
  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
  }

  /** A modal question, and its buttons. */
  get dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Opens a file of the folder in an editor. */
  async openFile(name: string): Promise<void> {
    await this.choose(name, name);
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
  }

  /** A line of the active editor that shows this text. */
  line(text: string): Locator {
    return this.page.locator('.editor-instance .view-line', { hasText: asShown(text) });
  }

  /** Puts the cursor on a line of the active editor. */
  async goToLine(number: number): Promise<void> {
    await this.type(`:${number}`);
    await this.page.keyboard.press('Enter');
  }

  /** Hovers a word, or a row of a list, until a hover that contains `expected` opens. */
  async hover(word: Locator, expected: string | RegExp): Promise<Locator> {
    const hover = this.page.locator('.monaco-hover:visible', { hasText: expected });
    await word.waitFor();
    for (let tries = 0; tries < 20; tries++) {
      // The hover opens when the mouse moves onto the word, not when it already rests there.
      await this.page.mouse.move(5, 790);
      await word.hover();
      const seen = await hover
        .first()
        .waitFor({ timeout: 3000 })
        .then(() => true)
        .catch(() => false);
      if (!seen) continue;
      // It fades in, and would be pale in a picture.
      await this.page.waitForTimeout(300);
      // It closes when lenses come in above the word, and move it away from the mouse.
      if (await hover.first().isVisible()) return hover.first();
    }
    throw new Error(`no hover with ${String(expected)} opened`);
  }

  /** The page inside the webview whose tab is active. */
  async webview(tab: string | RegExp): Promise<Frame> {
    await this.page.locator('.tab.active', { hasText: tab }).waitFor();
    const outer = this.page.locator('iframe.webview.ready:visible').last();
    await outer.waitFor();
    const inner = await outer.contentFrame().locator('#active-frame').elementHandle();
    const frame = await inner.contentFrame();
    if (!frame) throw new Error(`the webview ${String(tab)} has no page`);
    return frame;
  }

  /** Opens a terminal, runs one line in it, and leaves it open. */
  async runInTerminal(line: string): Promise<void> {
    await this.command('Terminal: Create New Terminal');
    const input = this.page.locator('.terminal-wrapper.active .xterm-helper-textarea');
    await input.waitFor({ state: 'attached' });
    await input.focus();
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }

  /** Tries an assertion until it holds. */
  async eventually(assertion: () => Promise<void>, seconds = 15): Promise<void> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      try {
        await assertion();
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
        await this.page.waitForTimeout(200);
      }
    }
  }

  /**
   * Types into the palette and takes the first row that has the words. What takes the focus at that
   * moment, such as a view that has just filled, closes the palette: then it is opened again.
   */
  private async choose(text: string, words: string): Promise<void> {
    const row = this.quickPickRow(words).first();
    for (let tries = 1; ; tries++) {
      await this.type(text);
      const offered = await row.waitFor({ timeout: 10_000 }).then(
        () => true,
        (error: unknown) => {
          if (tries === 3) throw error;
          return false;
        },
      );
      if (offered) break;
      await this.page.keyboard.press('Escape');
    }
    await this.page.keyboard.press('Enter');
  }

  private async type(text: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input');
    await input.waitFor({ state: 'visible' });
    await input.fill(text);
  }
}

function removeProfile(profile: string): Promise<void> {
  return rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The editor draws spaces as no-break spaces. */
function asShown(text: string): RegExp {
  return new RegExp(escaped(text).replaceAll(' ', '[ \\u00a0]'));
}
