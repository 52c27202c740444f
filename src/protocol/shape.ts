/**
 * Parsing at an edge: a shape takes what came from outside and gives it back as the type it names, or
 * throws. Unknown members are left out, so that nothing unforeseen travels on.
 */

/** @throws {Misshapen} when `value` is anything else; `at` says where it stands, for the message. */
export type Shape<T> = (value: unknown, at: string) => T;

/** Something from outside is not what it should be. */
export class Misshapen extends Error {
  override readonly name = 'Misshapen';

  constructor(at: string, expected: string) {
    super(`${at} should be ${expected}.`);
  }
}

export const text: Shape<string> = (value, at) => {
  if (typeof value === 'string') return value;
  throw new Misshapen(at, 'a text');
};

export const flag: Shape<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value;
  throw new Misshapen(at, 'true or false');
};

export const number: Shape<number> = (value, at) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Misshapen(at, 'a number');
};

/** A whole number from 0 up. */
export const count: Shape<number> = (value, at) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Misshapen(at, 'a whole number from 0 up');
};

export function oneOf<const T extends string>(...texts: readonly T[]): Shape<T> {
  return (value, at) => {
    const found = texts.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw new Misshapen(at, `one of ${texts.join(', ')}`);
  };
}

/** Absent members are `undefined`, as JSON leaves them out. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, at) => (value === undefined ? undefined : shape(value, at));
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => (value === null ? null : shape(value, at));
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Misshapen(at, 'a list');
    return value.map((member, index) => shape(member, `${at}[${index}]`));
  };
}

type Shapes<T> = { readonly [K in keyof T]-?: Shape<T[K]> };

export function object<T extends object>(members: Shapes<T>): Shape<T> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null) throw new Misshapen(at, 'an object');
    const found: [string, unknown][] = [];
    for (const [name, shape] of Object.entries<Shape<unknown>>(members)) {
      const member = shape(
        Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined,
        `${at}.${name}`,
      );
      if (member !== undefined) found.push([name, member]);
    }
    // Each member was parsed by the shape of its name, which the compiler cannot follow here.
    return Object.fromEntries(found) as T;
  };
}

/** A union told apart by the text in its member `tag`. */
export function union<K extends string, T extends Readonly<Record<K, string>>>(
  tag: K,
  shapes: { readonly [V in T[K]]: Shapes<Omit<Extract<T, Readonly<Record<K, V>>>, K>> },
): Shape<T> {
  const byTag = new Map(
    Object.entries<Shapes<object>>(shapes).map(([name, members]) => [name, object(members)]),
  );
  return (value, at) => {
    if (typeof value !== 'object' || value === null) throw new Misshapen(at, 'an object');
    const name: unknown = Object.hasOwn(value, tag) ? Reflect.get(value, tag) : undefined;
    const shape = typeof name === 'string' ? byTag.get(name) : undefined;
    if (shape === undefined) {
      throw new Misshapen(`${at}.${tag}`, `one of ${[...byTag.keys()].join(', ')}`);
    }
    // The tag chose the shape, so the whole is the member of the union that bears it.
    return { ...shape(value, at), [tag]: name } as T;
  };
}
