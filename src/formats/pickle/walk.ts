import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import type { Pause } from '../Value';
import { readOpcode, type Step } from './opcodes';

/** Opcodes walked. A list of a million texts has three million. */
const MAX_OPCODES = 5_000_000;
/** Opcodes between two looks at the messages. */
const STRETCH = 4096;

/** What ended a walk early. */
export interface Incomplete {
  readonly kind: DecodeError['kind'];
  readonly message: string;
}

/**
 * Goes through a pickle's opcodes, `STOP` included.
 * @param source reads near each other should be cheap
 * @param visit is given each, and the place where it stands; a {@link DecodeError} of it ends the walk
 * @returns why the walk ended early, or `undefined` when it came to the end
 */
export async function walk(
  source: ByteSource,
  pause: Pause,
  visit: (step: Step, at: number) => void,
): Promise<Incomplete | undefined> {
  let at = 0;
  try {
    for (let count = 0; count < MAX_OPCODES; count += 1) {
      if (count % STRETCH === 0) await pause();
      const step = readOpcode(source, at);
      visit(step, at);
      at = step.end;
      if (step.opcode.name === 'STOP') {
        const rest = source.size - at;
        if (rest === 0) return undefined;
        const message = `${rest} bytes follow after the end of the pickle.`;
        return { kind: 'damaged', message };
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { kind: error.kind, message: `At byte ${at}: ${error.message}` };
  }
  const message = `It has more than ${MAX_OPCODES} opcodes, and the rest was not looked at.`;
  return { kind: 'tooLarge', message };
}
