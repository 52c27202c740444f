import type { Locator, Page } from 'playwright-core';

/** The view "Cell Cache": notebooks, their cells, entries and values. */
export class CellTree {
  constructor(private readonly page: Page) {}

  /** Shows the view by a click on its icon. */
  async show(): Promise<void> {
    const icon = this.page.locator('.activitybar .action-item a[aria-label^="Cellar"]');
    await icon.waitFor();
    const open = this.page.locator('.sidebar .composite.title', { hasText: /cellar/i });
    if (!(await open.isVisible())) await icon.click();
  }

  /** Widens the side bar by this many pixels, so that the rows are read whole. */
  async widen(pixels: number): Promise<void> {
    const bar = await this.page.locator('.part.sidebar').boundingBox();
    if (bar === null) throw new Error('the side bar is not shown');
    const [x, y] = [bar.x + bar.width, bar.y + bar.height / 2];
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    await this.page.mouse.move(x + pixels, y, { steps: 5 });
    await this.page.mouse.up();
  }

  /** All of the view. */
  get pane(): Locator {
    return this.page.locator('.sidebar .pane', { hasText: 'Cell Cache' });
  }

  /** The rows whose label is this text, or matches it. */
  row(label: string | RegExp): Locator {
    const name = this.page.locator('.label-name', {
      hasText: typeof label === 'string' ? new RegExp(`^${escaped(label)}$`) : label,
    });
    return this.pane.locator('.monaco-list-row').filter({ has: name });
  }

  /** What the rows say, in order: label and description. */
  async rows(): Promise<string[]> {
    const texts = await this.pane.locator('.monaco-list-row').allInnerTexts();
    return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
  }

  /** What the rows are to those who hear them, beside what can be read in them. */
  async spoken(): Promise<
    { role: string | null; spoken: string; label: string; description: string }[]
  > {
    const told = [];
    for (const row of await this.pane.locator('.monaco-list-row').all()) {
      told.push({
        role: await row.getAttribute('role'),
        spoken: (await row.getAttribute('aria-label')) ?? '',
        label: await row.locator('.label-name').innerText(),
        description: await row.locator('.label-description').innerText(),
      });
    }
    return told;
  }

  /** The rows' labels, in order. */
  labels(): Promise<string[]> {
    return this.pane.locator('.monaco-list-row .label-name').allInnerTexts();
  }

  /** Unfolds a row; one that is unfolded stays so. */
  async expand(label: string | RegExp): Promise<void> {
    const row = this.row(label).first();
    await row.waitFor({ timeout: 30_000 });
    const unfolded = row.and(this.pane.locator('[aria-expanded="true"]'));
    for (let tries = 1; ; tries++) {
      if ((await row.getAttribute('aria-expanded')) === 'false') {
        await row.locator('.monaco-tl-twistie').click();
      }
      try {
        await unfolded.waitFor({ timeout: 5000 });
        return;
      } catch (error) {
        // While a view fills, VS Code draws another row with the element that was about to be clicked.
        if (tries === 3) throw error;
      }
    }
  }

  /** Takes a row's command, as a click on it does. */
  async click(label: string | RegExp): Promise<void> {
    await this.row(label).first().locator('.label-name').click();
  }

  /** Opens a row's menu. @returns its choice of this name */
  async menu(label: string | RegExp, choice: string | RegExp): Promise<Locator> {
    await this.row(label).first().locator('.label-name').click({ button: 'right' });
    const menu = this.page.locator('.monaco-menu');
    const item = menu.getByRole('menuitem', { name: choice, exact: true });
    await item.waitFor();
    // A menu takes no click that comes with its opening, which may be the end of the one that opened it.
    await this.page.waitForTimeout(500);
    return item;
  }

  /** A row's button, by what it is called. */
  async press(label: string | RegExp, button: string): Promise<void> {
    const row = this.row(label).first();
    await row.hover();
    await row.locator(`.action-label[aria-label^="${button}"]`).click();
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
