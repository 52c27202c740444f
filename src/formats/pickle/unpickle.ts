import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import type { Pause } from '../Value';
import { readOpcode } from './opcodes';
import { Unpickled, type Node } from './Unpickled';

/** Opcodes followed. A column of a million texts has two million. */
const MAX_OPCODES = 5_000_000;
/** Opcodes between two looks at the messages. */
const STRETCH = 4096;

/** What a pickle says, and why that is not all of it, if it is not. */
export interface Said {
  readonly root: Node | undefined;
  readonly incomplete: DecodeError | undefined;
}

/**
 * What a pickle says, up to where it can be followed: nothing is loaded or run. Bytes in it stay where
 * they are.
 * @param source reads near each other should be cheap
 */
export async function unpickle(source: ByteSource, pause: Pause): Promise<Said> {
  const machine = new Unpickled(source);
  try {
    return { root: await followed(machine, source, pause), incomplete: undefined };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { root: machine.soFar(), incomplete: error };
  }
}

async function followed(machine: Unpickled, source: ByteSource, pause: Pause): Promise<Node> {
  let at = 0;
  for (let count = 0; count < MAX_OPCODES; count += 1) {
    if (count % STRETCH === 0) await pause();
    const step = readOpcode(source, at);
    if (step.opcode.name === 'STOP') {
      if (step.end === source.size) return machine.result();
      throw new DecodeError('damaged', 'bytes follow after the end of the pickle.');
    }
    machine.step(step);
    at = step.end;
  }
  throw new DecodeError('tooLarge', `It has more than ${MAX_OPCODES} opcodes.`);
}
