/**
 * What a pickle refers to. Loading one can run anything, so it is never loaded: its opcodes are walked,
 * with as much of the machine's stack as tells which names `STACK_GLOBAL` takes from it.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import type { PicklePage } from '../../protocol/pages';
import { cachedSource, type ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { whole, type Pause, type Value } from '../Value';
import { openFrame } from './frame/frame';
import { PickleMachine } from './PickleMachine';
import { readOpcode } from './opcodes';

/** Opcodes walked. A list of a million texts has three million. */
const MAX_OPCODES = 5_000_000;
/** Opcodes between two looks at the messages. */
const STRETCH = 4096;

/** A frame of pandas as a table, and everything else as what it refers to. */
export async function openPickle(source: ByteSource, pause: Pause): Promise<Value> {
  const near = cachedSource(source, 65536, 64);
  const { value, why } = await openFrame(near, pause);
  return value ?? whole(await picklePage(near, why, pause));
}

/**
 * Always gives a page: what stands in the walk's way is told on it.
 * @param why it is shown so, where it is something that is usually shown otherwise
 */
async function picklePage(
  source: ByteSource,
  why: string | undefined,
  pause: Pause,
): Promise<PicklePage> {
  const machine = new PickleMachine((place) => readOpcode(source, place).argument);
  const incomplete = await walk(source, machine, pause);
  return {
    kind: 'pickle',
    protocol: machine.protocol,
    size: source.size,
    refersTo: machine.refersTo,
    strings: machine.strings,
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
