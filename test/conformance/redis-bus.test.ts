import { randomUUID } from 'node:crypto';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { createRedisBus } from '../../src/events/redis.ts';
import { createLog } from '../../src/telemetry.ts';
import { startRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { eventBusSuite } from './event-bus.ts';

const url = process.env['TEST_REDIS_URL'];
const log = createLog('silent');

describe.runIf(url)('over Redis', () => {
  const prefix = `windlass-test-${randomUUID()}:`;
  // A machine that stands still for a second would be taken for a Redis that is away, whose hints are lost by contract.
  const patient = { answerDeadlineMs: 30_000 };
  eventBusSuite(() => createRedisBus(url!, prefix, log, patient));

  test('a subscriber hears again by itself after the connection to Redis broke', async () => {
    await using proxy = await startProxy(new URL(url!));
    const bus = await createRedisBus(proxy.url, prefix, log, patient);
    let heard = 0;
    await bus.subscribe('releases', () => (heard += 1));
    bus.publish('releases', { kind: 'wanted' });
    await until('the first hint arrives', () => heard === 1);

    proxy.breakConnections();

    await until('hints arrive again', () => {
      bus.publish('releases', { kind: 'wanted' });
      return heard > 1;
    });
    await bus.close();
  });

  test('whoever subscribes while the connection opens goes on hearing, each time', async () => {
    for (let round = 0; round < 200; round += 1) {
      const bus = await createRedisBus(url!, prefix, log, patient);
      let heard = 0;
      await bus.subscribe('releases', () => (heard += 1));

      for (let count = 1; count <= 3; count += 1) {
        bus.publish('releases', { kind: 'wanted' });
        await until(`hint ${count} of round ${round} arrives`, () => heard >= count, 5_000);
      }

      await bus.close();
    }
  });

  test('a bus opens, takes subscriptions and publishes while Redis is away', async () => {
    const bus = await createRedisBus('redis://127.0.0.1:1', prefix, log);

    const leave = await bus.subscribe('releases', () => {});
    bus.publish('releases', { kind: 'wanted' });
    leave();

    await expect(bus.close()).resolves.toBeUndefined();
  });
});

describe.runIf(url)('over a Redis that refuses', () => {
  test('a user who may not subscribe hears nothing and breaks nothing, and hears once he may', async () => {
    await using redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.call('ACL', 'SETUSER', 'bare', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const bus = await createRedisBus(redis.url.replace('redis://', 'redis://bare:secret@'), 'refused:', log);
    let heard = 0;

    const leave = await bus.subscribe('cancels', () => {});
    await bus.subscribe('releases', () => (heard += 1));
    bus.publish('releases', { kind: 'wanted' });
    leave();
    await admin.call('ACL', 'SETUSER', 'bare', 'allchannels');
    await admin.call('CLIENT', 'KILL', 'USER', 'bare');

    await until('hints arrive', () => {
      bus.publish('releases', { kind: 'wanted' });
      return heard > 0;
    });
    await bus.close();
    admin.disconnect();
  });
});

/** A way to Redis that can be cut. */
async function startProxy(target: URL) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectTcp(Number(target.port || 6379), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakConnections = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakConnections,
    async [Symbol.asyncDispose]() {
      breakConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
