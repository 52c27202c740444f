/**
 * What a pickle holds and refers to. Loading one can run anything, so it is never loaded: its opcodes are
 * followed with blanks for what would run, and walked with as much of the machine's stack as tells which
 * names `STACK_GLOBAL` takes from it, which comes through also where they cannot be followed.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import type { PicklePage, TreeNode } from '../../protocol/pages';
import { cachedSource, type ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { whole, type Pause, type Value } from '../Value';
import { tableOf } from './frame/frame';
import { readOpcode } from './opcodes';
import { PickleMachine } from './PickleMachine';
import { resultIn, treeOf } from './pickleTree';
import { unpickle } from './unpickle';

/** Opcodes walked. A list of a million texts has three million. */
const MAX_OPCODES = 5_000_000;
/** Opcodes between two looks at the messages. */
const STRETCH = 4096;

/** A frame of pandas as a table, and everything else as a tree of what it holds. */
export async function openPickle(source: ByteSource, pause: Pause): Promise<Value> {
  const near = cachedSource(source, 65536, 64);
  const { root, incomplete } = await unpickle(near, pause);
  if (incomplete === undefined && root !== undefined) {
    const result = resultIn(root);
    return tableOf(result, near) ?? whole(await picklePage(near, treeOf(result, near), pause));
  }
  if (incomplete?.kind !== 'tooLarge') return whole(await picklePage(near, undefined, pause));
  const tree = root === undefined ? undefined : treeOf(root, near);
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
  const incomplete = await walk(source, machine, pause);
  return {
    kind: 'pickle',
    protocol: machine.protocol,
    size: source.size,
    root,
    refersTo: machine.refersTo,
    strings: root === undefined ? machine.strings : [],
    incomplete: [why, incomplete].filter((each) => each !== undefined).join(' ') || undefined,
  };
}

/** @returns why the walk ended early, or `undefined` when it came to the end */
async function walk(
  source: ByteSource,
  machine: PickleMachine,
  pause: Pause,
): Promise<string | undefined> {
  let at = 0;
  try {
    for (let count = 0; count < MAX_OPCODES; count += 1) {
      if (count % STRETCH === 0) await pause();
      const { opcode, argument, end } = readOpcode(source, at);
      machine.step(opcode, argument, at);
      at = end;
      if (opcode.name === 'STOP') {
        const rest = source.size - end;
        return rest === 0 ? undefined : `${rest} bytes follow after the end of the pickle.`;
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return `At byte ${at}: ${error.message}`;
  }
  return `It has more than ${MAX_OPCODES} opcodes, and the rest was not looked at.`;
}
