import { expect, test } from 'vitest';
import type { EventBus, Hints } from '../../src/events/bus.ts';
import { until } from '../kit/until.ts';

/** What every bus guarantees. `connect` makes one that talks to the others it made. */
export function eventBusSuite(connect: () => Promise<EventBus>): void {
  const topic = (): `deployment:${string}` => `deployment:dep_${crypto.randomUUID()}`;
  type Hint = Hints[`deployment:${string}`];

  test('what is published after a subscription resolves arrives, in order, on every bus', async () => {
    const [here, there] = [await connect(), await connect()];
    const name = topic();
    const seen: Hint[] = [];
    await there.subscribe(name, (hint) => seen.push(hint));

    for (let lastSeq = 1; lastSeq <= 100; lastSeq += 1) here.publish(name, { kind: 'logs', lastSeq });

    await until('all hints arrive', () => seen.length === 100);
    expect(seen.map((hint) => hint.kind === 'logs' && hint.lastSeq)).toEqual(
      Array.from({ length: 100 }, (_unused, i) => i + 1),
    );
    await Promise.all([here.close(), there.close()]);
  });

  test('every subscriber of a topic gets its hints, and nobody those of another topic', async () => {
    const bus = await connect();
    const [name, other] = [topic(), topic()];
    const seen: string[] = [];
    await bus.subscribe(name, () => seen.push('first'));
    await bus.subscribe(name, () => seen.push('second'));
    await bus.subscribe(other, () => seen.push('other'));

    bus.publish(name, { kind: 'logs', lastSeq: 1 });

    await until('both hear it', () => seen.length >= 2);
    expect(seen.toSorted()).toEqual(['first', 'second']);
    await bus.close();
  });

  test('who has unsubscribed hears nothing more', async () => {
    const bus = await connect();
    const name = topic();
    const [gone, here]: [Hint[], Hint[]] = [[], []];
    const leave = await bus.subscribe(name, (hint) => gone.push(hint));
    await bus.subscribe(name, (hint) => here.push(hint));

    leave();
    await until('the other one hears it', () => {
      bus.publish(name, { kind: 'logs', lastSeq: 1 });
      return here.length > 0;
    });

    // A broker may take a moment to know; from one hint on, nothing comes any more.
    const already = gone.length;
    const heard = here.length;
    await until('more is heard', () => {
      bus.publish(name, { kind: 'logs', lastSeq: 1 });
      return here.length > heard + 3;
    });
    expect(gone.length).toBe(already);
    await bus.close();
  });

  test('publishing never throws and never waits, also after the bus was closed', async () => {
    const bus = await connect();

    await bus.close();

    expect(bus.publish(topic(), { kind: 'logs', lastSeq: 1 })).toBeUndefined();
  });
}
