/** Numbers below a bound, the same for the same seed: Marsaglia's xorshift. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** @throws where there is nothing to pick from */
export function pick<Value>(values: readonly Value[], below: (below: number) => number): Value {
  const value = values[below(values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}
