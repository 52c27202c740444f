import { readLogicalLines } from '../src/notebook/lines';

/** Offsets at which the statements of a code begin that are not indented. */
export function statements(code: string): number[] {
  const lines = readLogicalLines(code).filter(({ indent }) => indent === '');
  return lines
    .filter(({ start }, index) => {
      const above = lines[index - 1];
      const goesOn = /^(?:else|elif|except|finally)\b/.test(code.slice(start));
      return !goesOn && code[above?.start ?? -1] !== '@';
    })
    .map(({ start }) => start);
}
