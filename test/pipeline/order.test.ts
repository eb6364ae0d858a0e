import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, pushVersion, trigger, untilStatus, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ workers: 4 });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

test('deployments of one app run one after another, in the order of their numbers, while other apps go on beside', async () => {
  const apps = await Promise.all([createApp(owner), createApp(owner), createApp(owner)]);
  const files = appFiles('one', { build: 'sleep 0.1' });
  await Promise.all(apps.map((app) => pushVersion(owner, app.entityId, files)));

  const ids = await Promise.all(
    apps.flatMap(({ productionAppId }) => Array.from({ length: 4 }, () => trigger(owner, productionAppId))),
  );
  for (const id of ids) await untilStatus(plane, id, 'completed');

  const rows = await plane.app.database.prisma.deployment.findMany({
    where: { id: { in: ids } },
    orderBy: { number: 'asc' },
  });
  for (const { productionAppId } of apps) {
    const own = rows.filter((row) => row.productionAppId === productionAppId);
    expect(own.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    const gaps = own.slice(1).map((row, index) => row.startedAt!.getTime() - own[index]!.finishedAt!.getTime());
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
  }
  const overlaps = rows.some((a) =>
    rows.some(
      (b) => a.productionAppId !== b.productionAppId && a.startedAt! < b.finishedAt! && b.startedAt! < a.finishedAt!,
    ),
  );
  expect(overlaps).toBe(true);
});

test('the events of a deployment tell every transition once, in order', async () => {
  const app = await createApp(owner);
  await pushVersion(owner, app.entityId, appFiles('one'));
  const id = await trigger(owner, app.productionAppId);
  await untilStatus(plane, id, 'completed');

  const events = await plane.app.database.prisma.deploymentEvent.findMany({
    where: { deploymentId: id },
    orderBy: { seq: 'asc' },
  });

  const phases = [
    'orchestrate',
    'download',
    'infra',
    'build',
    'package',
    'migrate',
    'service_deploy',
    'cache_invalidation',
  ];
  const steps = events.map(({ type, status, phase, phaseStatus }) =>
    [type, phase, phaseStatus ?? status].filter(Boolean).join(' '),
  );
  expect(steps.filter((step) => step !== 'switch')).toEqual([
    'created pending',
    'status in_progress',
    ...phases.flatMap((phase) => [`phase ${phase} in_progress`, `phase ${phase} completed`]),
    'status completed',
  ]);
  expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
});
