/** How a generator that waits hears that its reader has left. */
export interface Leaving {
  readonly hasLeft: boolean;
  /** Resolves when `begin` calls back or the reader leaves: with whether it is still there. What `begin` gives ends the wait. */
  wait(begin: (resolve: () => void) => () => void): Promise<boolean>;
}

/**
 * A generator whose `return` also ends what it waits for. A plain async generator would end only after that: of a
 * deployment that says nothing, its reader's memory would be kept for ever.
 */
export function leavable<T>(start: (leaving: Leaving) => AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  let hasLeft = false;
  let wake = () => {};
  const leaving: Leaving = {
    get hasLeft() {
      return hasLeft;
    },
    async wait(begin) {
      if (hasLeft) return false;
      let end = () => {};
      await new Promise<void>((resolve) => {
        wake = resolve;
        end = begin(resolve);
      });
      end();
      return !hasLeft;
    },
  };
  const generator = start(leaving);
  return {
    next: () => generator.next(),
    return(value) {
      hasLeft = true;
      wake();
      return generator.return(value);
    },
    throw(error) {
      hasLeft = true;
      wake();
      return generator.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}

/** What a stream gives, mapped. Unlike that of a generator around it, its `return` does not wait for the next item. */
export function mapStream<From, To>(
  source: AsyncIterable<From>,
  map: (item: From) => To | Promise<To>,
): AsyncGenerator<To, void, void> {
  const items = source[Symbol.asyncIterator]();
  const end = async () => {
    await items.return?.();
    return { done: true as const, value: undefined };
  };
  const mapped: AsyncGenerator<To, void, void> = {
    async next() {
      const { done, value } = await items.next();
      return done ? { done, value: undefined } : { done: false, value: await map(value) };
    },
    return: end,
    throw: end,
    [Symbol.asyncIterator]: () => mapped,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
  return mapped;
}
