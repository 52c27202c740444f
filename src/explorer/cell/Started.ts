/**
 * What is started when it is first needed, and where that fails, again when it is needed next: what was in
 * the way, such as a machine with no memory left, may be gone by then.
 */
export class Started<T> {
  #value: Promise<T | undefined> | undefined;

  constructor(
    private readonly start: () => Promise<T>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** `undefined` where nothing was begun, or it failed. */
  get value(): Promise<T | undefined> | undefined {
    return this.#value;
  }

  /** Begins, unless that was done already. */
  begin(): void {
    this.#value ??= this.start().catch((error: unknown) => {
      this.#value = undefined;
      this.failed(error);
      return undefined;
    });
  }
}
