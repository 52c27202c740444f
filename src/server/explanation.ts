/** The whole answer to "why", for one cell: what the hover says at a glance, and what to do. Pure. */

import * as l10n from '@vscode/l10n';
import { formatAge, formatBytes } from '../protocol/quantities';
import { formatWorth } from '../protocol/saving';
import { type Explanation, lacksCaching } from '../protocol/cells';
import { valuesOf, valueName } from '../protocol/labels';
import {
  type CellFacts,
  describeMet,
  describeOutdated,
  describeRoom,
  describeState,
  describeWay,
  type OutdatedFile,
  reasonBeside,
  type Style,
} from './hover';
import { ofSentence } from '../protocol/markdown';

/** @param title what people call the cell */
export function explainCell(title: string, facts: CellFacts, style: Style): Explanation {
  const { locale, now, escape } = style;
  const { state, changed, problem, runs, calls = [], items, runtime, amount } = facts;
  const { refusal, outdated } = facts;
  const standing =
    refusal === undefined
      ? describeState(state, changed, problem, escape)
      : escape(refusal, ofSentence);
  const paragraphs = [
    state === 'fresh' && outdated !== undefined
      ? `${describeOutdated(outdated, style)} ${adviseOutdated(outdated)}`
      : [standing, advise(facts)].filter(Boolean).join(' '),
  ];
  if (facts.scarce !== undefined) {
    paragraphs.push(
      `${describeRoom(facts.scarce, locale)} ${l10n.t('Make room, by Prune Cache… or elsewhere on the disk, then run the cell again.')}`,
    );
  }
  const worth = formatWorth({ seconds: runtime, amount }, 0, locale);
  if (worth !== undefined && state !== 'neverCached') {
    paragraphs.push(l10n.t('It took {0} to compute.', worth));
  }
  for (const [heading, looked] of [
    [l10n.t('The last runs:'), runs],
    [l10n.t('The last calls:'), calls],
  ] as const) {
    if (looked.length === 0) continue;
    const lines = looked.map((run) => {
      const { at, of } = run;
      const reason = reasonBeside(refusal, run);
      const when = [formatAge(at, now, locale), ...(of === undefined ? [] : [escape(of)])];
      const met = `${when.join(', ')}: ${describeMet(run, locale)}`;
      return reason === undefined ? met : `${met}. ${escape(reason, ofSentence)}`;
    });
    paragraphs.push([heading, ...lines].join('\n'));
  }
  const values = valuesOf(items);
  if (values.length > 0) {
    const named = values.map(
      ({ name, size }) => `${escape(valueName(name))} (${formatBytes(size, locale)})`,
    );
    paragraphs.push(l10n.t('Values: {0}', named.join(', ')));
  }
  const isOff = lacksCaching(state, facts.caching);
  return { title: escape(title), detail: paragraphs.join('\n\n'), isOff };
}

function adviseOutdated({ changedAt }: OutdatedFile): string {
  return changedAt === undefined
    ? l10n.t(
        'marimo does not see that, and serves what was made before: clear the cell to have it computed anew.',
      )
    : l10n.t(
        'marimo does not see that, and serves what was made before: clear the cell to have it computed anew. With recompute_on_change in [tool.cellar] it always is.',
      );
}

/** What the user can do about it, or need not do. */
function advise(facts: CellFacts): string {
  const { state, changed, problem } = facts;
  // Where there is no cache yet, that nothing is cached is known.
  if (problem && problem.kind !== 'missing') return '';
  switch (state) {
    case 'fresh':
      return l10n.t(
        'The next run is served from the cache, unless something changed that is not on the page: a value of a control, Python, marimo, or the version of a module. To compute it anew, clear it.',
      );
    case 'changedHere':
      return l10n.t(
        'The next run computes it. If you take the edit back, it is served from the cache again.',
      );
    case 'changedUpstream':
      return changed?.gone === true
        ? l10n.t('If you bring that cell back, it is served from the cache again.')
        : l10n.t(
            'marimo compares values where it can: if that cell still gives the same, this one is served from the cache.',
          );
    case 'changedModule':
      // Only a kernel of the editor loads modules anew: `create_kernel` in marimo/_runtime/kernel_lifecycle.py.
      return l10n.t(
        'With auto_reload the editor looks for changes of modules; an app, an export or a script does not, and is served what was made before. Once the module is as it was, the editor is, too.',
      );
    case 'changedFile':
      return l10n.t(
        'The next run computes it, as recompute_on_change is set. Once the file is as it was, it is served from the cache again.',
      );
    case 'obsolete':
      return l10n.t('The next run computes it and saves it for the marimo in use.');
    case 'disabled':
      return l10n.t(
        'What is cached for it stays. Once it is enabled, it runs, or is served from the cache if nothing changed.',
      );
    case 'off':
      return l10n.t(
        'To have it served, run Turn On Cell Caching: neither the notebook nor its project nor your configuration of marimo sets cache_cells.',
      );
    case 'again':
    case 'notCacheable':
      if (facts.changesOthers === true) {
        return l10n.t(
          'To have it served, make a new value of what it changes, under a name of its own, or change that in the cell that defines it.',
        );
      }
      return l10n.t(
        'To have its costly part cached, move that into a cell of its own, or into a block under mo.persistent_cache.',
      );
    case 'unfinished':
      return l10n.t('The next run computes it, and keeps what comes of it once it ends well.');
    case 'noRoom':
      return l10n.t('The next run computes it, and keeps what comes of it if there is room then.');
    case 'unknown':
      return l10n.t('The next run tells whether it is served.');
    case 'neverCached':
      return [
        describeWay(facts),
        facts.caching === true && facts.runs.length > 0
          ? l10n.t('The next run computes it.')
          : l10n.t('Results that were cleared or evicted are computed once more.'),
      ].join(' ');
  }
}
