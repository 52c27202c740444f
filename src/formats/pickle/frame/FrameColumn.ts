import { isCall, type Node } from '../Unpickled';

/** A column that has been recognised, or the reason why its values are not shown. */
export interface FrameColumn {
  /** As pandas says it: `int64`, `object`, `datetime64[us, Europe/Berlin]`. */
  readonly type: string;
  readonly align: 'left' | 'right';
  readonly length: number;
  readonly unreadable?: string;
  /** @returns `null` for what pandas counts as missing */
  text(row: number): string | null;
}

/** A column whose values are not shown, of an array of which only the class is known. */
export function unread(name: string): FrameColumn {
  return {
    type: name.split('.').at(-1) ?? name,
    align: 'left',
    length: Infinity,
    unreadable: `Values of ${name} are not read from a pickle.`,
    text: () => null,
  };
}

/** `str` where what is missing is nan, and `string` where it is pandas' own sign for it. */
export function stringType(type: Node | undefined): string {
  const missing = isCall(type) ? type.args[1] : undefined;
  const isNan = typeof missing === 'object' && missing !== null && missing.kind === 'float';
  return isNan ? 'str' : 'string';
}
