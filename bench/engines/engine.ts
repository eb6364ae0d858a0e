import type { WindlassOptions } from './windlass.ts';

/** Something that takes work through eight steps that do nothing, and stores each of them before the next. */
export interface Engine {
  /** Makes one more piece of work; resolves with its id, once it is stored. */
  trigger(): Promise<string>;
  /** How many pieces have not ended yet. */
  countOpen(): Promise<number>;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** How many pieces it may work on at a time. */
  readonly workers: number;
  /** Told when the first step of a piece runs. */
  onStart(id: string): void;
}

export const ENGINE_NAMES = ['windlass', 'dbos-queued', 'dbos-direct', 'bullmq'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** What the process of an engine is started with. */
export interface EngineSettings extends WindlassOptions {
  readonly name: EngineName;
  readonly workers: number;
}

const LOOK_EVERY_MS = 10;

/** One at a time, with nothing else to do: from the call that triggers it to the code of its first step. */
export async function measureStarts(
  engine: Engine,
  count: number,
  started: ReadonlyMap<string, number>,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const begun = performance.now();
    const id = await engine.trigger();
    await untilNoneIsOpen(engine);
    latencies.push(started.get(id)! - begun);
  }
  return latencies;
}

/** How many pieces a second come to their end, when they are triggered as fast as they are taken. */
export async function measureRate(engine: Engine, count: number, callers: number): Promise<number> {
  let left = count;
  const begun = performance.now();
  const triggerSome = async () => {
    while ((left -= 1) >= 0) await engine.trigger();
  };
  await Promise.all(Array.from({ length: callers }, triggerSome));
  await untilNoneIsOpen(engine);
  return count / ((performance.now() - begun) / 1_000);
}

async function untilNoneIsOpen(engine: Engine): Promise<void> {
  while ((await engine.countOpen()) > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
