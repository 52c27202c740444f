import type { SetGenerator, TreeNode } from '../../protocol/pages';

/**
 * Of the item with which random numbers go on after a cell, `RandomState` in
 * python/marimo_cellar/_marimo/random_states.py, the generators whose states it has: the states themselves
 * are 2,500 bytes that mean nothing to people. `undefined` of any other tree.
 */
export function generatorsIn({ type, children = [] }: TreeNode): SetGenerator[] | undefined {
  if (type !== 'array' || children.length === 0) return undefined;
  const generators = children.flatMap((each) => generatorIn(each) ?? []);
  return generators.length === children.length ? generators : undefined;
}

function generatorIn({ children = [] }: TreeNode): SetGenerator | undefined {
  const [generator, before, after, seeded, ...others] = children;
  const isState =
    generator?.key === 'generator' &&
    generator.type === 'string' &&
    before?.key === 'before' &&
    (before.type === 'string' || before.type === 'null') &&
    after?.key === 'after' &&
    (seeded === undefined || seeded.key === 'seeded') &&
    others.length === 0;
  if (!isState) return undefined;
  const name = generator.text;
  // Of one that is a variable, it is a text; of a module's, its words and what else it gives.
  if (after.type === 'string') return { name, of: 'notebook', seeded: before.type === 'null' };
  const parts = after.children?.map(({ key }) => key).join(' ');
  if (after.type !== 'object' || parts !== 'words rest') return undefined;
  const of = name === 'random' ? 'python' : 'numpy';
  return { name, of, seeded: before.type === 'null' };
}
