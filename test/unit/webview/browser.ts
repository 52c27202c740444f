// Opens the real pages of the preview and the overview, built as esbuild.mjs builds them, in a real Chromium, with this file in
// the place of VS Code: it provides the theme's variables and hears and says the protocol's messages.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { html } from '../../../src/preview/html';
import { pageStrings } from '../../../src/preview/strings';
import {
  type FromOverview,
  type OverviewView,
  parseFromOverview,
  type ToOverview,
} from '../../../src/protocol/overview';
import { parseToHost } from '../../../src/protocol/preview';
import type { EntryView, ToHost, ToPage } from '../../../src/protocol/preview';
import { themes } from './themes';

const executable = process.env.CELLAR_TEST_CHROMIUM ?? process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why these tests cannot run here, or `false` when they can. */
export const noBrowser = existsSync(executable)
  ? false
  : `There is no Chromium at ${executable}; the variable CHROMIUM can name another.`;

const standIn = readFileSync(new URL('standIn.js', import.meta.url), 'utf8');

const origin = 'http://cellar.test';
const switches =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run ' +
  '--disable-background-networking --disable-component-update --disable-sync';

/** What the page asks to be shown; a test answers with messages, or says nothing. */
export type Answer = (message: ToHost) => readonly ToPage[];

export interface OpenOptions {
  readonly entry: EntryView;
  readonly answer: Answer;
  readonly theme?: keyof typeof themes;
  /** What VS Code kept of an earlier page. */
  readonly state?: unknown;
  readonly size?: { readonly width: number; readonly height: number };
}

/** An open preview. */
export interface Opened {
  readonly page: Page;
  /** Everything the page said, parsed. */
  readonly heard: readonly ToHost[];
  /** Errors of the page's scripts, and what its content security policy refused. */
  readonly faults: readonly string[];
  readonly say: (...messages: readonly ToPage[]) => Promise<void>;
  readonly state: () => Promise<unknown>;
}

/** An open overview. */
export interface OpenedOverview {
  readonly page: Page;
  readonly heard: readonly FromOverview[];
  readonly faults: readonly string[];
  readonly show: (view: OverviewView) => Promise<void>;
}

/**
 * One browser for the tests of a suite, from its beginning to its end.
 * @param opened pages of which, whatever a test was about, no script failed and no policy was broken
 */
export function browserFor(
  opened: readonly { readonly faults: readonly string[] }[],
): () => PreviewBrowser {
  let browser: PreviewBrowser | undefined;
  const started = () => {
    assert.ok(browser);
    return browser;
  };
  before(async () => {
    browser = await PreviewBrowser.start();
  });
  after(async () => {
    try {
      for (const { faults } of opened) assert.deepEqual(faults, []);
    } finally {
      await started().stop();
    }
  });
  return started;
}

/** One browser for a file of tests. */
export class PreviewBrowser {
  private constructor(
    private readonly browser: Browser,
    private readonly files: ReadonlyMap<string, Uint8Array>,
  ) {}

  static async start(): Promise<PreviewBrowser> {
    const built = await build({
      entryPoints: { webview: 'webview/main.ts', overview: 'webview/overview/main.ts' },
      bundle: true,
      write: false,
      outdir: '/',
      format: 'iife',
      target: 'chrome120',
    });
    const files = new Map(built.outputFiles.map(({ path, contents }) => [path, contents]));
    for (const name of ['codicon.css', 'codicon.ttf']) {
      files.set(`/${name}`, readFileSync(`node_modules/@vscode/codicons/dist/${name}`));
    }
    const browser = await chromium.launch({
      executablePath: executable,
      args: switches.split(' '),
    });
    return new PreviewBrowser(browser, files);
  }

  async open({ entry, answer, theme = 'dark', state, size }: OpenOptions): Promise<Opened> {
    const { page, faults } = await this.#newPage('webview', size);
    const heard: ToHost[] = [];
    const say = async (...messages: readonly ToPage[]): Promise<void> => {
      await page.evaluate(`for (const each of ${JSON.stringify(messages)}) postMessage(each, '*')`);
    };
    await page.exposeFunction('hear', async (message: unknown) => {
      const parsed = parseToHost(message);
      heard.push(parsed);
      if (parsed.type === 'ready') {
        const begin = { type: 'begin', locale: 'en', strings: pageStrings() } as const;
        await say(begin, { type: 'entry', entry });
      }
      await say(...answer(parsed));
    });
    const given = JSON.stringify({ state, ...themes[theme] });
    await page.addInitScript(`const given = ${given};\n${standIn}`);
    await page.goto(`${origin}/`);
    await page.locator('h1').waitFor();
    return {
      page,
      heard,
      faults,
      say,
      state: () => page.evaluate('window.keptState'),
    };
  }

  async openOverview(
    view: OverviewView,
    size?: { readonly width: number; readonly height: number },
  ): Promise<OpenedOverview> {
    const { page, faults } = await this.#newPage('overview', size);
    const heard: FromOverview[] = [];
    const show = async (shown: OverviewView): Promise<void> => {
      const message: ToOverview = { type: 'show', view: shown };
      await page.evaluate(`postMessage(${JSON.stringify(message)}, '*')`);
    };
    await page.exposeFunction('hear', async (message: unknown) => {
      const parsed = parseFromOverview(message);
      heard.push(parsed);
      if (parsed.type === 'ready') await show(view);
    });
    await page.addInitScript(`const given = ${JSON.stringify(themes.dark)};\n${standIn}`);
    await page.goto(`${origin}/`);
    await page.getByRole('heading', { level: 1, name: view.words.title }).waitFor();
    return { page, heard, faults, show };
  }

  /** A page of its own that can be fetched, with what goes wrong in it. */
  async #newPage(
    name: 'webview' | 'overview',
    viewport = { width: 1000, height: 720 },
  ): Promise<{ page: Page; faults: string[] }> {
    const context = await this.browser.newContext({ viewport });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.route(`${origin}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/') await route.fulfill({ contentType: 'text/html', body: pageHtml(name) });
      else await route.fulfill(this.#file(pathname));
    });
    return { page, faults };
  }

  async stop(): Promise<void> {
    await this.browser.close();
  }

  #file(pathname: string): { status: number; contentType?: string; body?: Buffer } {
    const contents = this.files.get(pathname);
    if (contents === undefined) return { status: 404 };
    const types = { css: 'text/css', js: 'text/javascript', ttf: 'font/ttf' };
    const ending = pathname.split('.').pop() ?? '';
    const contentType = types[ending as keyof typeof types];
    return { status: 200, contentType, body: Buffer.from(contents) };
  }
}

function pageHtml(name: string): string {
  return html({
    script: `${origin}/${name}.js`,
    styles: [`${origin}/codicon.css`, `${origin}/${name}.css`],
    cspSource: origin,
    nonce: 'bm9uY2U',
  });
}
