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
  const pubSub = new RedisPubSub({ publisher, subscriber });
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
      subscribed.catch(() => {}); // Closed while it waited for Redis.
      await Promise.race([subscribed, delay(answerDeadlineMs, undefined, { ref: false })]);
      return () => {
        subscribed.then((id) => pubSub.unsubscribe(id)).catch(() => {}); // Closed before.
      };
    },
    async close() {
      isClosed = true;
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
