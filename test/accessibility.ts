import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Frame } from 'playwright-core';

/** As much of an element as tells which one it is, in characters. */
const shown = 200;

/**
 * Looks through a page by axe (https://github.com/dequelabs/axe-core), by all rules that it has on by
 * default, those of good practice included.
 * @param name what the page is called in the list of faults
 * @throws AssertionError with a few lines for each element that something is wrong with
 */
export async function assertAccessible(page: Frame, name: string): Promise<void> {
  // By way of the debugger, which the page's content security policy does not bind.
  await page.evaluate(axe.source);
  const found = await page.evaluate<axe.AxeResults>('axe.run({ resultTypes: ["violations"] })');
  assert.ok(found.passes.length > 0, `axe has looked at ${name}`);
  const faults = found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, html, failureSummary }) =>
      [
        `${id}: ${help}`,
        `  at ${target.join(' ')}: ${html.slice(0, shown)}`,
        `  ${failureSummary ?? ''}`,
      ].join('\n'),
    ),
  );
  assert.ok(faults.length === 0, `${name}:\n${faults.join('\n')}`);
}
