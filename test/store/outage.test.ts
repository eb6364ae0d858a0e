import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/store/db.ts';
import { isDatabaseAway } from '../../src/store/outage.ts';
import { createDatabase } from '../kit/database.ts';

/** What a server does with each connection as soon as it is there. */
const ENDINGS: Record<string, (socket: Socket) => void> = {
  'closes it': (socket) => socket.destroy(),
  'resets it': (socket) => socket.resetAndDestroy(),
  // As PostgreSQL does while it starts: https://www.postgresql.org/docs/current/protocol-error-fields.html
  'says that it starts': (socket) => socket.end(fatal('57P03', 'the database system is starting up')),
  'says that it has too many': (socket) => socket.end(fatal('53300', 'sorry, too many clients already')),
};

const WAYS_TO_ASK: Record<string, (database: Database) => Promise<unknown>> = {
  'a model': ({ prisma }) => prisma.deployment.findFirst(),
  'a raw query': ({ prisma }) => prisma.$queryRaw`select 1`,
  'a statement': ({ statements }) => statements.$queryRaw`select 1`,
  'a transaction': ({ transact }) => transact((tx) => tx.$queryRaw`select 1`),
};

describe.each(Object.entries(WAYS_TO_ASK))('%s is told from a refusal', (_way, ask) => {
  test.each(Object.entries(ENDINGS))('when the server of a connection %s', async (_ending, end) => {
    const server = createServer((socket) => socket.once('data', () => end(socket)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const database = await openDatabase({ url: urlOf((server.address() as AddressInfo).port) });
    try {
      const error: unknown = await ask(database).catch((reason: unknown) => reason);
      expect(isDatabaseAway(error), String(error)).toBe(true);
    } finally {
      await database.close();
      server.close();
    }
  });

  test('when nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const database = await openDatabase({ url: urlOf(port) });
    try {
      const error: unknown = await ask(database).catch((reason: unknown) => reason);
      expect(isDatabaseAway(error), String(error)).toBe(true);
    } finally {
      await database.close();
    }
  });
});

test('a name that is not known, for the moment, is an outage', async () => {
  const database = await openDatabase({ url: 'postgresql://postgres@nowhere.invalid:5432/postgres' });
  const error: unknown = await database.statements.$queryRaw`select 1`.catch((reason: unknown) => reason);
  expect(isDatabaseAway(error), String(error)).toBe(true);
  await database.close();
});

test('what the database refuses is no outage', async () => {
  await using database = await createDatabase();
  for (const ask of [
    () => database.prisma.$queryRaw`select 1 / 0`,
    () => database.statements.$queryRaw`select 1 / 0`,
    () => database.prisma.deployment.findUniqueOrThrow({ where: { id: 'dep_none' } }),
  ]) {
    const error: unknown = await ask().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(isDatabaseAway(error), String(error)).toBe(false);
  }
});

const urlOf = (port: number) => `postgresql://postgres@127.0.0.1:${port}/postgres`;

function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from('E____');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
