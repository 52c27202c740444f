import { DecodeError } from '../DecodeError';
import { shorten } from '../shorten';
import type { Argument, Opcode } from './opcodes';

const MAX_STACK = 1_000_000;
const MAX_MEMO = 1_000_000;
const MAX_REFERENCES = 500;
const MAX_STRINGS = 100;
/** Longer texts are data rather than names. */
const MAX_STRING = 200;

/** Longer texts are not kept, since there may be a million, but read again where one is a name. */
const MAX_KEPT = 64;

/**
 * What is known of a value on the stack: a text, the place in the pickle of the opcode with a long text,
 * or that it is something else.
 */
type Item = string | number | undefined;

/** Stands on the stack where a `MARK` was. */
const MARK = Symbol('mark');

/**
 * The pickle machine as far as texts go: it keeps the stack and the memo, puts a blank in place of all
 * that is not a text, and writes down what would be imported.
 */
export class PickleMachine {
  #protocol: number | undefined;
  readonly #stack: (Item | typeof MARK)[] = [];
  readonly #memo = new Map<number, Item>();
  readonly #references = new Set<string>();
  readonly #strings = new Set<string>();
  /** Texts that were names of something imported, and say nothing more. */
  readonly #names = new Set<string>();
  readonly #textAt: (place: number) => Argument;

  /** @param textAt gives the argument of the opcode at a place again */
  constructor(textAt: (place: number) => Argument) {
    this.#textAt = textAt;
  }

  get protocol(): number | undefined {
    return this.#protocol;
  }

  /** In order of first use. */
  get refersTo(): readonly string[] {
    return [...this.#references];
  }

  get strings(): readonly string[] {
    return [...this.#strings].filter((text) => !this.#names.has(text)).slice(0, MAX_STRINGS);
  }

  /**
   * @param place where in the pickle the opcode stands
   * @throws {DecodeError} when no unpickler could do it either, or it takes too much to follow
   */
  step(opcode: Opcode, argument: Argument, place: number): void {
    switch (opcode.name) {
      case 'PROTO':
        this.#protocol = Number(argument);
        return;
      case 'MARK':
        this.#push(MARK);
        return;
      case 'DUP': {
        const top = this.#stack.at(-1);
        if (top === MARK || this.#stack.length === 0) throw underflow();
        this.#push(top);
        return;
      }
      case 'POP':
        // A mark may be popped as well; unpicklers do so.
        if (this.#stack.length === 0) throw underflow();
        this.#stack.pop();
        return;
      case 'GET':
      case 'BINGET':
      case 'LONG_BINGET':
        this.#push(this.#recall(argument));
        return;
      case 'PUT':
      case 'BINPUT':
      case 'LONG_BINPUT':
        this.#remember(argument);
        return;
      case 'MEMOIZE':
        this.#remember(this.#memo.size);
        return;
      case 'STACK_GLOBAL': {
        const name = this.#textOf(this.#pop());
        const module = this.#textOf(this.#pop());
        this.#refer(module, name);
        this.#push(undefined);
        return;
      }
      case 'GLOBAL':
      case 'INST': {
        if (opcode.toMark) this.#popToMark();
        const [module, name] = typeof argument === 'string' ? argument.split('\n') : [];
        this.#refer(module, name);
        this.#push(undefined);
        return;
      }
      case 'EXT1':
      case 'EXT2':
      case 'EXT4':
        this.#add(`copyreg extension ${String(argument)}`);
        this.#push(undefined);
        return;
      default:
        this.#other(opcode, argument, place);
    }
  }

  #other(opcode: Opcode, argument: Argument, place: number): void {
    if (opcode.toMark) this.#popToMark();
    for (let i = 0; i < opcode.takes; i += 1) this.#pop();
    const text = typeof argument === 'string' ? argument : undefined;
    for (let i = 0; i < opcode.puts; i += 1) {
      this.#push(text !== undefined && text.length > MAX_KEPT ? place : text);
    }
    if (text === undefined || text.length === 0 || text.length > MAX_STRING) return;
    // Some are left out later, as names.
    if (this.#strings.size < 10 * MAX_STRINGS) this.#strings.add(text);
  }

  #push(item: Item | typeof MARK): void {
    if (this.#stack.length >= MAX_STACK) {
      throw new DecodeError('tooLarge', 'its stack is too deep to follow.');
    }
    this.#stack.push(item);
  }

  #pop(): Item {
    if (this.#stack.length === 0) throw underflow();
    const item = this.#stack.pop();
    if (item === MARK) throw underflow();
    return item;
  }

  #popToMark(): void {
    for (;;) {
      if (this.#stack.length === 0) throw underflow();
      if (this.#stack.pop() === MARK) return;
    }
  }

  #recall(argument: Argument): Item {
    if (typeof argument !== 'number' || !this.#memo.has(argument)) {
      throw new DecodeError('damaged', 'it takes a value from its memo that is not there.');
    }
    return this.#memo.get(argument);
  }

  #remember(argument: Argument): void {
    const top = this.#stack.at(-1);
    if (typeof argument !== 'number' || top === MARK || this.#stack.length === 0) throw underflow();
    if (this.#memo.size >= MAX_MEMO) {
      throw new DecodeError('tooLarge', 'it remembers too much to follow.');
    }
    this.#memo.set(argument, top);
  }

  #textOf(item: Item): string | undefined {
    const text = typeof item === 'number' ? this.#textAt(item) : item;
    return typeof text === 'string' ? text : undefined;
  }

  #refer(module: string | undefined, name: string | undefined): void {
    for (const text of [module, name]) {
      // Longer ones are not among the texts that are shown.
      if (text !== undefined && text.length <= MAX_STRING) this.#names.add(text);
    }
    // A name may come out of a computation, which nobody can tell without running it.
    this.#add(`${module ?? '(computed)'}.${name ?? '(computed)'}`);
  }

  #add(reference: string): void {
    this.#references.add(shorten(reference));
    if (this.#references.size > MAX_REFERENCES) {
      throw new DecodeError('tooLarge', 'it refers to too many names to list.');
    }
  }
}

function underflow(): DecodeError {
  return new DecodeError('damaged', 'it takes a value from its stack that is not there.');
}
