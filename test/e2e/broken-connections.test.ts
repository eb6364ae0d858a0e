import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createApiClient } from '../../src/client/api.ts';
import { followDeployment, type DeploymentLogEvent } from '../../src/client/index.ts';
import { Secret } from '../../src/secret.ts';
import { SERVER_URL } from '../kit/database.ts';
import { startFaultProxy } from '../kit/fault-proxy.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import { createRandom } from '../kit/random.ts';
import { startRedis } from '../kit/redis.ts';
import { appFiles, createApp, createOwner, pushVersion, trigger } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const LINES = 50_000;
const CUTS = 100;
/** The longest that a connection gives before it is cut: some 4,000 lines. */
const BYTES_MAX = 550_000;
/** Another one cuts elsewhere. */
const SEED = 20_261_124;

/** Prints its lines in bursts, so that all that is broken is broken while they come. */
const PRINT = `
  let printed = 0;
  function burst() {
    let text = '';
    for (let i = 0; i < 250; i += 1) text += 'line ' + (printed += 1) + '\\n';
    process.stdout.write(text);
    if (printed < ${LINES}) setTimeout(burst, 50);
  }
  burst();
`;

/** An API in a process of its own, on the database, the Redis and the folder of a plane. */
function startApi({ config }: Plane) {
  return startWindlass(['api'], {
    DATABASE_URL: config.databaseUrl!.reveal(),
    REDIS_URL: config.redisUrl!.reveal(),
    WINDLASS_REDIS_PREFIX: config.redisPrefix,
    WINDLASS_DATA_DIR: config.dataDir,
  });
}

describe.runIf(SERVER_URL && process.env['TEST_REDIS_URL'])('on PostgreSQL and Redis', () => {
  test(
    `${LINES} lines come once each and in order, whatever breaks: ${CUTS} cut connections, a killed API, a killed Redis`,
    { timeout: 240_000 },
    async () => {
      await using redis = await startRedis();
      await using plane = await startPlane({ roles: ['worker', 'host'], redisUrl: new Secret(redis.url) });
      await using first = startApi(plane);
      await using second = startApi(plane);
      const [[, firstUrl], [, secondUrl]] = await Promise.all([
        first.untilOutput(/API\s+(http:\S+)\/graphql/),
        second.untilOutput(/API\s+(http:\S+)\/graphql/),
      ]);
      const random = createRandom(SEED);
      await using proxy = await startFaultProxy({
        targets: [firstUrl!, secondUrl!],
        cutAfterBytes: () => (proxy.cuts < CUTS ? Math.ceil(random() * BYTES_MAX) : null),
      });
      const member = await createOwner(plane);
      const owner = { ...member, client: createApiClient({ url: secondUrl!, token: member.token }) };
      const app = await createApp(owner);
      const files = { ...appFiles('one', { build: 'node print.mjs' }), 'print.mjs': PRINT };
      const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
      const logs = (['websocket', 'websocket', 'sse', 'sse'] as const).map((transport) => {
        const log: FollowedLog = { seqs: [], output: [], end: null };
        const options = { url: proxy.url, token: owner.token, deploymentId: id, transport, webSocketImpl: WebSocket };
        return { log, done: keepLog(followDeployment(options), log) };
      });
      const untilAllHave = (count: number) =>
        until(`everybody has ${count} lines`, () => logs.every(({ log }) => log.seqs.length >= count), 120_000);

      await untilAllHave(LINES * 0.2);
      first.child.kill('SIGKILL');
      await untilAllHave(LINES * 0.4);
      await redis.kill();
      await untilAllHave(LINES * 0.5);
      await redis.start();
      await Promise.all(logs.map(({ done }) => done));

      const lineCount = logs[0]!.log.seqs.length;
      const whole: FollowedLog = {
        seqs: Array.from({ length: lineCount }, (_unused, index) => index + 1),
        output: Array.from({ length: LINES }, (_unused, index) => `line ${index + 1}`),
        end: { __typename: 'DeploymentLogEnd', status: 'COMPLETED', cursor: String(lineCount), lineCount },
      };
      for (const { log } of logs) expect(log).toEqual(whole);
      expect(proxy.cuts).toBeGreaterThanOrEqual(CUTS);
    },
  );
});

interface FollowedLog {
  readonly seqs: number[];
  /** What the build printed. */
  readonly output: string[];
  end: DeploymentLogEvent | null;
}

async function keepLog(events: AsyncIterable<DeploymentLogEvent>, log: FollowedLog): Promise<void> {
  for await (const event of events) {
    if (event.__typename === 'DeploymentLogEnd') {
      log.end = event;
      continue;
    }
    for (const { seq, phase, stream, message } of event.lines) {
      log.seqs.push(seq);
      if (phase === 'BUILD' && stream === 'STDOUT') log.output.push(message);
    }
  }
}
