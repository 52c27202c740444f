/**
 * What a pickle holds and refers to. Loading one can run anything, so it is never loaded: its opcodes are
 * followed with blanks for what would run, and walked with as much of the machine's stack as tells which
 * names `STACK_GLOBAL` takes from it, which comes through also where they cannot be followed.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import type { PicklePage, TreeNode } from '../../protocol/pages';
import { cachedSource, type ByteSource } from '../ByteSource';
import { whole, type Pause, type Value } from '../Value';
import { tableOf } from './frame/frame';
import { readOpcode } from './opcodes';
import { PickleMachine } from './PickleMachine';
import { resultIn, treeOf } from './pickleTree';
import { Unpickled } from './Unpickled';
import { walk } from './walk';

/** A frame of pandas as a table, and everything else as a tree of what it holds. */
export async function openPickle(source: ByteSource, pause: Pause): Promise<Value> {
  const near = cachedSource(source, 65536, 64);
  const machine = new Unpickled(near);
  const incomplete = await walk(near, pause, (step) => {
    machine.step(step);
  });
  if (incomplete === undefined && machine.result !== undefined) {
    const result = resultIn(machine.result);
    return tableOf(result, near) ?? whole(await picklePage(near, treeOf(result, near), pause));
  }
  if (incomplete?.kind !== 'tooLarge') return whole(await picklePage(near, undefined, pause));
  const { soFar } = machine;
  const tree = soFar === undefined ? undefined : treeOf(soFar, near, false);
  return whole(await picklePage(near, tree, pause, TOO_LARGE));
}

const TOO_LARGE = 'It holds more than can be kept to show it: only the beginning is shown.';

/**
 * Always gives a page: what stands in the walk's way is told on it.
 * @param root what it holds, where that could be followed
 * @param why it could not, where the walk does not say it
 */
async function picklePage(
  source: ByteSource,
  root: TreeNode | undefined,
  pause: Pause,
  why?: string,
): Promise<PicklePage> {
  const machine = new PickleMachine((place) => readOpcode(source, place).argument);
  const incomplete = await walk(source, pause, ({ opcode, argument }, at) => {
    machine.step(opcode, argument, at);
  });
  return {
    kind: 'pickle',
    protocol: machine.protocol,
    size: source.size,
    root,
    refersTo: machine.refersTo,
    strings: root === undefined ? machine.strings : [],
    incomplete:
      [why, incomplete?.message].filter((each) => each !== undefined).join(' ') || undefined,
  };
}
