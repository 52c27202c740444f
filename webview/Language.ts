import type { Strings } from '../src/protocol/preview';
import { formatBytes } from '../src/protocol/quantities';

/** The user's language: the host's words, and numbers as they are written there. */
export class Language {
  readonly #numbers: Intl.NumberFormat;

  constructor(
    readonly locale: string,
    readonly words: Strings,
  ) {
    this.#numbers = new Intl.NumberFormat(locale);
  }

  number(value: number): string {
    return this.#numbers.format(value);
  }

  /** @param size in bytes */
  bytes(size: number): string {
    return formatBytes(size, this.locale);
  }

  /** The words of that name with `{0}`, `{1}`, … filled in; numbers are written out. */
  say(name: keyof Strings, ...values: (string | number)[]): string {
    return this.words[name].replace(/\{(\d+)\}/g, (gap, index: string) => {
      const value = values[Number(index)];
      if (value === undefined) return gap;
      return typeof value === 'number' ? this.number(value) : value;
    });
  }
}
