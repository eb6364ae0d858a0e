import { setTimeout as delay } from 'node:timers/promises';
import { RedisPubSub } from 'graphql-redis-subscriptions';
import { Redis } from 'ioredis';
import type { Log } from '../telemetry.ts';
import type { EventBus } from './bus.ts';

/**
 * Hints over Redis. While Redis is away they are lost, nobody is told, and everybody polls.
 * Nobody waits longer than `answerDeadlineMs` for Redis: neither a start nor a subscriber.
 */
export async function createRedisBus(
  url: string,
  prefix: string,
  log: Log,
  { answerDeadlineMs = 1_000 } = {},
): Promise<EventBus> {
  const retryStrategy = (attempt: number) => Math.min(attempt * 50, 1_000);
  // Without a queue, hints published during an outage are dropped instead of piled up.
  const publisher = new Redis(url, {
    retryStrategy,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // A change has two hints, and what is published in one turn of the event loop is one write.
    enableAutoPipelining: true,
  });
  // The check is an INFO, and ioredis sends a SUBSCRIBE ahead of it; Redis refuses INFO to who has subscribed, and the
  // subscriptions are lost with the connection that is then made anew. Redis takes SUBSCRIBE while it loads, too.
  const subscriber = new Redis(url, { retryStrategy, maxRetriesPerRequest: null, enableReadyCheck: false });
  for (const [name, connection] of Object.entries({ publisher, subscriber })) {
    let isDown = false;
    connection.on('error', (error) => {
      if (!isDown) log.warn({ connection: name, error: error.message }, 'Redis is away; followers poll the database');
      isDown = true;
    });
    connection.on('ready', () => {
      if (isDown) log.info({ connection: name }, 'Redis is back');
      isDown = false;
    });
  }
  const pubSub = new RedisPubSub({ publisher, subscriber: forgivingSubscriber(subscriber, log) });
  // Redis may be away at the start, too: then the first hints are lost like any others.
  const ready = new Promise((resolve) => publisher.once('ready', resolve));
  await Promise.race([ready, delay(answerDeadlineMs, undefined, { ref: false })]);
  let isClosed = false;

  return {
    kind: 'redis',
    isConnected: () => publisher.status === 'ready' && subscriber.status === 'ready',
    publish(topic, hint) {
      if (!isClosed) pubSub.publish(prefix + topic, hint).catch(() => {}); // The outage is logged above, once.
    },
    async subscribe(topic, listener) {
      const subscribed = pubSub.subscribe(prefix + topic, listener);
      await Promise.race([subscribed, delay(answerDeadlineMs, undefined, { ref: false })]);
      return () => {
        void subscribed.then((id) => pubSub.unsubscribe(id));
      };
    },
    async close() {
      isClosed = true;
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

/**
 * A subscriber that hears of no refusal: graphql-redis-subscriptions leaves a promise behind then that nobody can catch,
 * and which would end the process. Redis refuses a subscription to a user without the right, and what waits for it when a
 * password is not taken any more. Followers poll meanwhile, as in an outage; it is asked for again with each connection.
 */
function forgivingSubscriber(subscriber: Redis, log: Log): Redis {
  const names = new Set<string>();
  let isRefused = false;

  async function ask(name: string): Promise<void> {
    try {
      await subscriber.subscribe(name);
    } catch (error) {
      // Disconnected by ourselves, it is not refused.
      if (isRefused || subscriber.status === 'end') return;
      isRefused = true;
      log.warn({ name, error: (error as Error).message }, 'Redis refuses a subscription; followers poll the database');
    }
  }
  subscriber.on('ready', () => {
    isRefused = false;
    for (const name of names) void ask(name);
  });
  const forgiving = {
    on: subscriber.on.bind(subscriber),
    subscribe(name: string, onSubscribed: () => void) {
      names.add(name);
      void ask(name).then(onSubscribed);
    },
    unsubscribe(name: string) {
      names.delete(name);
      subscriber.unsubscribe(name).catch(() => {}); // It is away, or closed.
    },
    punsubscribe() {}, // No patterns are subscribed to.
  };
  return forgiving as unknown as Redis;
}
