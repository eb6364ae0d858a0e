import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createApiClient } from '../../src/client/api.ts';
import { followDeployment } from '../../src/client/follow.ts';
import { WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import type { LogLine } from '../../src/generated/prisma/client.ts';
import { createMemoryBus } from '../../src/events/bus.ts';
import { createLogWriter, type LogWriter } from '../../src/pipeline/log-writer.ts';
import { ROW_BYTES } from '../../src/pipeline/output-allowance.ts';
import { claimNextDeployment, type Claim } from '../../src/store/deployments.ts';
import type { Database } from '../../src/store/db.ts';
import { measureOutput, TRUNCATION } from '../../src/store/logs.ts';
import { createDatabase } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startPlane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import { uniqueNap } from '../kit/processes.ts';
import { appFiles, createApp, createOwner, deployFiles, pushVersion, trigger } from '../kit/seed.ts';
import { createRows, insertClaimed, type Rows } from '../store/rows.ts';

const LOG_BYTES_MAX = 50_000;
const API = /API\s+(http:\S+)\/graphql/;

const sizeOf = (lines: readonly LogLine[]) =>
  lines
    .filter(({ stream }) => stream !== 'system')
    .reduce((bytes, { message }) => bytes + Buffer.byteLength(message) + ROW_BYTES, 0);
const isTruncation = ({ message, stream, level }: LogLine) =>
  message.startsWith(TRUNCATION) && stream === 'system' && level === 'warn';

test('a command that floods its log is stored up to the limit, says so once, and ends with its own exit code', async () => {
  await using plane = await startPlane({ logBytesMax: LOG_BYTES_MAX });
  const owner = await createOwner(plane);
  const build = ['yes "out" | head -n 300000 & yes "error" | head -n 300000 >&2; wait', 'echo dropped; exit 7'];

  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one', { build }), 'failed');

  const { prisma } = plane.app.database;
  const lines = await prisma.logLine.findMany({ where: { deploymentId: id }, orderBy: { seq: 'asc' } });
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
  expect(sizeOf(lines)).toBeLessThanOrEqual(LOG_BYTES_MAX);
  expect(sizeOf(lines)).toBeGreaterThan(LOG_BYTES_MAX - 1_000);
  expect(lines.filter(isTruncation)).toHaveLength(1);
  const end = lines.slice(lines.findIndex(isTruncation));
  expect(end.map(({ message }) => message)).toEqual([
    expect.stringContaining(`${LOG_BYTES_MAX} bytes (WINDLASS_LOG_BYTES_MAX)`),
    '$ echo dropped; exit 7',
    '`echo dropped; exit 7` exited with code 7.',
    expect.stringContaining('The last lines of its output say why.'),
  ]);
});

test('lines without a text fill the log as well, and a deployment whose log is full completes', async () => {
  await using plane = await startPlane({ logBytesMax: LOG_BYTES_MAX });
  const owner = await createOwner(plane);
  const files = appFiles('one', { build: 'yes "" | head -n 100000', migrate: 'echo dropped' });

  const id = await deployFiles(plane, owner, await createApp(owner), files);

  const { prisma } = plane.app.database;
  const lines = await prisma.logLine.findMany({ where: { deploymentId: id } });
  expect(sizeOf(lines)).toBeLessThanOrEqual(LOG_BYTES_MAX);
  expect(lines.filter(isTruncation)).toHaveLength(1);
  expect(lines.map(({ message }) => message)).not.toContain('dropped');
  expect(lines.map(({ message }) => message)).toContain('The gateway sends all traffic to the new release.');
});

test('the limit holds over a kill -9 of the worker', async () => {
  const nap = uniqueNap();
  using folder = createFolder();
  const token = 'wl_a-token-that-is-long-enough-for-tests';
  const env = {
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_BOOTSTRAP_TOKEN: token,
    WINDLASS_LOG_BYTES_MAX: String(LOG_BYTES_MAX),
  };
  await using first = startWindlass(['serve'], env);
  const firstUrl = (await first.untilOutput(API))[1]!;
  const client = createApiClient({ url: firstUrl, token });
  const { viewer } = await client.request(WhoamiDocument, {});
  const organizationId = viewer.memberships[0]!.organization.id;
  const member = { organizationId, userId: viewer.user.id, token, client };
  const app = await createApp(member);
  // Neither of two attempts fills the log alone.
  const build = `yes out | head -n 200; if [ ! -e ../tried ]; then touch ../tried; exec sleep ${nap}; fi`;
  const versionId = await pushVersion(member, app.entityId, appFiles('one', { build }));
  const deploymentId = await trigger(member, app.productionAppId, versionId);
  const isFirstStored = (messages: readonly string[]) => messages.filter((message) => message === 'out').length === 200;
  await readLog(firstUrl, token, deploymentId, isFirstStored);

  first.child.kill('SIGKILL');
  await first.exited();
  await using second = startWindlass(['serve'], env);
  const url = (await second.untilOutput(API))[1]!;

  const messages = await readLog(url, token, deploymentId);
  const linesMax = Math.floor(LOG_BYTES_MAX / (ROW_BYTES + 'out'.length));
  expect(messages.filter((message) => message === 'out')).toHaveLength(linesMax);
  expect(messages.filter((message) => message.startsWith(TRUNCATION))).toHaveLength(1);
});

/** Follows the log of a deployment to its end, or until enough of it is stored. */
async function readLog(
  url: string,
  token: string,
  deploymentId: string,
  isEnough: (messages: readonly string[]) => boolean = () => false,
): Promise<string[]> {
  const messages: string[] = [];
  for await (const event of followDeployment({ url, token, deploymentId, webSocketImpl: WebSocket })) {
    if (event.__typename === 'DeploymentLogBatch') messages.push(...event.lines.map(({ message }) => message));
    if (isEnough(messages)) break;
  }
  return messages;
}

describe('the limit', () => {
  let database: Database & AsyncDisposable;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  /** As a worker that takes the deployment over starts to write. */
  async function takeOver(rows: Rows): Promise<LogWriter> {
    const claim = await claimNextDeployment(database.prisma, rows.productionAppId, 'worker-2');
    return openWriter(claim!);
  }

  async function openWriter(claim: Claim): Promise<LogWriter> {
    const { prisma, statements } = database;
    const mask = (text: string) => text;
    const deps = { prisma, statements, bus: createMemoryBus(), mask, logBytesMax: LOG_BYTES_MAX };
    const { lastSeq } = await prisma.deployment.findUniqueOrThrow({ where: { id: claim.deploymentId } });
    return createLogWriter(deps, claim, { lastSeq, output: await measureOutput(prisma, claim.deploymentId) });
  }

  async function write(writer: LogWriter, count: number, message: string): Promise<void> {
    for (let index = 0; index < count; index += 1) writer.write({ message, stream: 'stdout' });
    await writer.flush();
  }

  const linesOf = (deploymentId: string) => database.prisma.logLine.findMany({ where: { deploymentId } });

  test('counts what the worker before has stored', async () => {
    const rows = await createRows(database.prisma);
    const claim = await insertClaimed(database.prisma, rows);
    // 100 lines of 30,000 bytes altogether, with characters of two bytes each.
    await write(await openWriter(claim), 100, 'é'.repeat(70));

    await write(await takeOver(rows), 100, 'é'.repeat(70));

    const lines = await linesOf(claim.deploymentId);
    expect(lines.filter(({ stream }) => stream === 'stdout')).toHaveLength(166);
    expect(lines.filter(isTruncation)).toHaveLength(1);
  });

  test('that was reached stays reached after a take-over, and is said once', async () => {
    const rows = await createRows(database.prisma);
    const claim = await insertClaimed(database.prisma, rows);
    await write(await openWriter(claim), 4, 'x'.repeat(16_000));

    const writer = await takeOver(rows);
    await write(writer, 1, 'there would be room for this one');
    writer.write({ message: 'What Windlass says is stored.' });
    await writer.flush();

    const lines = await linesOf(claim.deploymentId);
    expect(lines.filter(({ stream }) => stream === 'stdout')).toHaveLength(3);
    expect(lines.filter(isTruncation)).toHaveLength(1);
    expect(lines.at(-1)!.message).toBe('What Windlass says is stored.');
  });

  test('is not reached by what Windlass itself says, nor by a command that says the same', async () => {
    const rows = await createRows(database.prisma);
    const claim = await insertClaimed(database.prisma, rows);
    const first = await openWriter(claim);
    for (let count = 0; count < 1_000; count += 1) first.write({ message: 'x'.repeat(100) });
    await write(first, 1, `${TRUNCATION}not really`);

    await write(await takeOver(rows), 1, 'after it');

    const lines = await linesOf(claim.deploymentId);
    expect(lines.map(({ message }) => message)).toContain('after it');
    expect(lines.filter(isTruncation)).toHaveLength(0);
  });
});
