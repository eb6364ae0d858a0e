import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startPlane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, pushVersion, trigger } from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { isTerminal, PHASES } from '../../src/domain/deployment.ts';

const ROUNDS_PER_PHASE = 3;

// The delays spread the cancels over each phase and over the moments between them; none decides what is asserted.
test(
  'whenever a cancel comes, the deployment ends once, and its version serves if and only if it completed',
  { timeout: 120_000 },
  async () => {
    await using plane = await startPlane();
    const { prisma } = plane.app.database;
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    await deployFiles(plane, owner, app, appFiles('version 0'));
    const ends = new Set<string>();
    let serving = 'version 0';

    for (const [round, phase] of PHASES.flatMap((name) =>
      Array.from({ length: ROUNDS_PER_PHASE }, () => name),
    ).entries()) {
      const name = `version ${round + 1}`;
      const versionId = await pushVersion(owner, app.entityId, appFiles(name, { migrate: 'true', build: 'true' }));
      const id = await trigger(owner, app.productionAppId, versionId);
      await until(`${phase} begins`, async () =>
        prisma.deploymentPhase.findFirst({ where: { deploymentId: id, name: phase, status: { not: 'pending' } } }),
      );
      await delay((round % ROUNDS_PER_PHASE) * 8);
      const answer = await plane.rest('POST', `/api/deploys/${id}/cancel`, { token: owner.token });
      const { status } = await until('it has ended', async () => {
        const row = await prisma.deployment.findUniqueOrThrow({ where: { id } });
        return isTerminal(row.status) ? row : null;
      });

      if (status === 'completed') serving = name;
      expect([200, 409]).toContain(answer.status);
      expect(status, `in ${phase}`).toBe(answer.status === 200 ? 'cancelled' : 'completed');
      expect((await plane.visit(app.subdomain)).body, `after a cancel in ${phase}`).toBe(serving);
      const terminal = await prisma.deploymentEvent.count({
        where: { deploymentId: id, status: { in: ['completed', 'cancelled', 'failed'] } },
      });
      expect(terminal).toBe(1);
      ends.add(status);
    }

    expect(ends).toContain('cancelled');
    await until(
      'only one release runs',
      async () => (await prisma.release.count({ where: { observed: { not: 'stopped' } } })) === 1,
    );
  },
);
