import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataFolders } from '../../src/config.ts';
import { claimNextDeployment, completeDeployment, failDeployment } from '../../src/store/deployments.ts';
import { markProductionAppDeleted } from '../../src/store/production-apps.ts';
import { switchToRelease, wantRelease, withdrawRelease, type ReleaseSpec } from '../../src/store/releases.ts';
import { isGroupAlive } from '../../src/targets/process-group.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilLine,
  untilStatus,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const prisma = () => plane.app.database.prisma;
const rootOf = ({ productionAppId }: SeededApp) => join(dataFolders(plane.dataDir).apps, productionAppId);
const untilNothingIsLeft = (app: SeededApp) => until('the folder of the app is gone', () => !existsSync(rootOf(app)));

async function deleteApp({ productionAppId }: SeededApp, on = plane, member = owner): Promise<void> {
  const answer = await on.rest('DELETE', `/api/production-apps/${productionAppId}`, { token: member.token });
  expect(answer.status).toBe(200);
}

test('a live app that is deleted no longer serves, and its process, its files and its database go', async () => {
  const app = await createApp(owner);
  const other = await createApp(owner);
  const first = await deployFiles(plane, owner, app, appFiles('one'));
  await deployFiles(plane, owner, other, appFiles('other'));
  const { id, pid } = await prisma().release.findUniqueOrThrow({ where: { deploymentId: first } });
  expect(existsSync(join(rootOf(app), 'data', 'app.db'))).toBe(true);

  await deleteApp(app);

  await until('the gateway knows it no more', async () => (await plane.visit(app.subdomain)).status === 404);
  await untilNothingIsLeft(app);
  expect(isGroupAlive({ leader: pid, marker: id })).toBe(false);
  expect((await plane.visit(other.subdomain)).body).toBe('other');
});

test('the history of a deleted app stays readable', async () => {
  const app = await createApp(owner);
  const id = await deployFiles(plane, owner, app, appFiles('one'));

  await deleteApp(app);

  await untilNothingIsLeft(app);
  const { data, messages } = await graphql(
    plane,
    owner.token,
    `
      query ($id: ID!, $app: ID!) {
        deployment(id: $id) {
          status
          isLive
          productionApp {
            id
            deletedAt
          }
          logs(last: 1) {
            nodes {
              message
            }
          }
        }
        deployments(filter: { productionAppId: $app }) {
          nodes {
            id
          }
        }
        node(id: $app) {
          ... on ProductionApp {
            deployments {
              nodes {
                id
              }
            }
          }
        }
      }
    `,
    { id, app: app.productionAppId },
  );
  expect(messages).toEqual([]);
  expect(data).toEqual({
    deployment: {
      status: 'COMPLETED',
      isLive: false,
      productionApp: { id: app.productionAppId, deletedAt: expect.any(String) },
      logs: { nodes: [{ message: expect.any(String) }] },
    },
    deployments: { nodes: [{ id }] },
    node: { deployments: { nodes: [{ id }] } },
  });
});

test('the subdomain of a deleted app serves another app at once, with a database of its own', async () => {
  const [old, next] = [await createApp(owner), await createApp(owner)];
  await deployFiles(plane, owner, old, appFiles('old'));
  await deployFiles(plane, owner, next, appFiles('next'));
  await plane.visit(old.subdomain, '/cached');

  await deleteApp(old);
  const renamed = await plane.rest('PATCH', `/api/production-apps/${next.productionAppId}`, {
    token: owner.token,
    body: { subdomain: old.subdomain },
  });

  expect(renamed.status).toBe(200);
  await until('the next app serves', async () => (await plane.visit(old.subdomain, '/cached')).body === 'next');
  await untilNothingIsLeft(old);
  expect(existsSync(rootOf(next))).toBe(true);
});

test('an app that is deleted during a build cancels it and what waits behind it, and leaves nothing', async () => {
  const nap = uniqueNap();
  const app = await createApp(owner);
  const slow = appFiles('slow', { build: `setsid sleep ${nap} & echo started; sleep ${nap}` });
  const versionId = await pushVersion(owner, app.entityId, slow);
  const [running, waiting] = [
    await trigger(owner, app.productionAppId, versionId),
    await trigger(owner, app.productionAppId, versionId),
  ];
  await untilLine(plane, running, 'started');

  await deleteApp(app);

  const { status } = await prisma().deployment.findUniqueOrThrow({ where: { id: waiting } });
  expect(status).toBe('cancelled');
  await untilStatus(plane, running, 'cancelled');
  const { errorMessage } = await prisma().deployment.findUniqueOrThrow({ where: { id: running } });
  expect(errorMessage).toBe('Cancelled by Ada: The production app was deleted.');
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
  await untilNothingIsLeft(app);
  expect(await prisma().release.count({ where: { productionAppId: app.productionAppId } })).toBe(0);
});

test('an app that is deleted while a release starts never serves it, and leaves nothing', async () => {
  const nap = uniqueNap();
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, appFiles('good'));
  const deaf = appFiles('deaf', { start: `sleep ${nap}`, health: { timeout: '60s' } });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, deaf));
  await until('the release starts', () => processesWith(`sleep\x00${nap}`).length > 0);

  await deleteApp(app);

  await untilStatus(plane, id, 'cancelled');
  await untilNothingIsLeft(app);
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
  expect((await plane.visit(app.subdomain)).status).toBe(404);
  const releases = await prisma().release.findMany({ where: { productionAppId: app.productionAppId } });
  expect(releases.map(({ wanted, observed }) => [wanted, observed])).toEqual([
    ['stopped', 'stopped'],
    ['stopped', 'stopped'],
  ]);
});

test('a migration command of a deleted app may finish before its database goes', async () => {
  const app = await createApp(owner);
  const files = appFiles('migrating', { migrate: ['echo begun; sleep 0.6; test -d "$DATA_DIR" && echo whole'] });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  await untilLine(plane, id, 'begun');

  await deleteApp(app);

  await untilStatus(plane, id, 'cancelled');
  expect(await prisma().logLine.count({ where: { deploymentId: id, message: 'whole' } })).toBe(1);
  await untilNothingIsLeft(app);
});

const SPEC: ReleaseSpec = {
  artifactKey: 'none',
  artifactSha256: 'none',
  service: { kind: 'process', start: 'true' },
  healthPath: '/',
  watchMs: 0,
  healthTimeoutMs: 1_000,
  drainMs: 0,
  env: {},
};
const WANTED = { spec: SPEC, sealedEnvironment: new Uint8Array() };
const FAILURE = {
  code: 'CANCELLED',
  phase: null,
  message: 'Cancelled.',
  exitCode: null,
  signal: null,
  retryable: false,
  hint: null,
  firstSeq: null,
  lastSeq: null,
} as const;

/** Without a worker and a host, a deployment stands still wherever the test puts it. */
async function claimedDeployment(own: Plane, member: Member) {
  const app = await createApp(member);
  await trigger(member, app.productionAppId, await pushVersion(member, app.entityId, appFiles('one')));
  const rows = own.app.database.prisma;
  const claim = (await claimNextDeployment(rows, app.productionAppId, 'worker'))!;
  const releaseId = (await wantRelease(rows, claim, app.productionAppId, WANTED))!;
  return { app, claim, releaseId, rows };
}

test('a deployment of a deleted app can neither want a release, nor switch to it, nor complete', async () => {
  await using own = await startPlane({ roles: ['api'] });
  const member = await createOwner(own);
  const { app, claim, releaseId, rows } = await claimedDeployment(own, member);

  await deleteApp(app, own, member);

  expect(await wantRelease(rows, claim, app.productionAppId, WANTED)).toBeNull();
  expect(await switchToRelease(rows, claim, releaseId)).toBeNull();
  expect(await completeDeployment(rows, claim)).toBeNull();
  expect(await rows.release.findUniqueOrThrow({ where: { id: releaseId } })).toMatchObject({ wanted: 'stopped' });
  expect(await failDeployment(rows, claim, 'cancelled', FAILURE)).not.toBeNull();
});

// A deletion always asks for a cancel too. The switch looks for itself all the same: it is the one that must not be wrong.
test('the switch refuses a deleted app even when nobody asked for a cancel', async () => {
  await using own = await startPlane({ roles: ['api'] });
  const { app, claim, releaseId, rows } = await claimedDeployment(own, await createOwner(own));
  await rows.productionApp.update({ where: { id: app.productionAppId }, data: { deletedAt: new Date() } });

  expect(await switchToRelease(rows, claim, releaseId)).toBeNull();

  const { liveReleaseId } = await rows.productionApp.findUniqueOrThrow({ where: { id: app.productionAppId } });
  expect(liveReleaseId).toBeNull();
});

test('a deletion after the switch takes the release off, and going back to the one before is refused', async () => {
  await using own = await startPlane({ roles: ['api'] });
  const member = await createOwner(own);
  const { app, claim, releaseId, rows } = await claimedDeployment(own, member);
  expect(await switchToRelease(rows, claim, releaseId)).not.toBeNull();
  expect(await completeDeployment(rows, claim)).not.toBeNull();
  await trigger(member, app.productionAppId);
  const second = (await claimNextDeployment(rows, app.productionAppId, 'worker'))!;
  const next = (await wantRelease(rows, second, app.productionAppId, WANTED))!;
  await switchToRelease(rows, second, next);

  await deleteApp(app, own, member);

  expect(await completeDeployment(rows, second)).toBeNull();
  expect(await withdrawRelease(rows, second)).toEqual({ releaseId: next, switchedBack: false, replacesId: releaseId });
  const { liveReleaseId } = await rows.productionApp.findUniqueOrThrow({ where: { id: app.productionAppId } });
  expect(liveReleaseId).toBeNull();
});

test('whoever of deletion, switch, completion and withdrawal comes first, nothing stays live or wanted', async () => {
  await using own = await startPlane({ roles: ['api'] });
  const member = await createOwner(own);
  for (let round = 0; round < 8; round += 1) {
    const { app, claim, releaseId, rows } = await claimedDeployment(own, member);
    const work = async () => {
      await switchToRelease(rows, claim, releaseId);
      if (await completeDeployment(rows, claim)) return;
      await withdrawRelease(rows, claim);
      await failDeployment(rows, claim, 'cancelled', FAILURE);
    };
    const cancel = { userId: member.userId, reason: null, force: false };
    const deletion = () => rows.$transaction((tx) => markProductionAppDeleted(tx, app.productionAppId, cancel));

    await Promise.all(round % 2 === 0 ? [work(), deletion()] : [deletion(), work()]);

    const after = await rows.productionApp.findUniqueOrThrow({
      where: { id: app.productionAppId },
      include: { releases: true, deployments: true },
    });
    expect(after.liveReleaseId).toBeNull();
    expect(after.releases.map(({ wanted }) => wanted)).toEqual(['stopped']);
    expect(['completed', 'cancelled']).toContain(after.deployments[0]!.status);
  }
});

test('an app that is deleted while a deployment of it is triggered has none that is open', async () => {
  await using own = await startPlane({ roles: ['api'] });
  const member = await createOwner(own);
  const app = await createApp(member);
  await pushVersion(member, app.entityId, appFiles('one'));
  const deploy = () =>
    own.rest('POST', '/api/deploy', { token: member.token, body: { productionAppId: app.productionAppId } });

  const answers = await Promise.all([deploy(), deploy(), deleteApp(app, own, member), deploy(), deploy()]);

  const statuses = answers.flatMap((answer) => (answer ? [answer.status] : []));
  expect(statuses.filter((status) => ![201, 404, 409].includes(status))).toEqual([]);
  const deployments = await own.app.database.prisma.deployment.findMany();
  expect(deployments.map(({ status }) => status)).toEqual(deployments.map(() => 'cancelled'));
  expect(deployments).toHaveLength(statuses.filter((status) => status === 201).length);
});
