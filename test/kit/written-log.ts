import { createId } from '../../src/domain/ids.ts';
import type { Failure } from '../../src/domain/deployment.ts';
import { claimNextDeployment, failDeployment, insertDeployment, type Claim } from '../../src/store/deployments.ts';
import { appendLogLines, type NewLogLine } from '../../src/store/logs.ts';
import type { Plane } from './plane.ts';
import { createApp, type Member, type SeededApp } from './seed.ts';

/** A deployment on a plane without workers: the test does to it what a worker would. */
export interface HeldDeployment {
  readonly id: string;
  readonly app: SeededApp;
  append(lines: readonly (Partial<NewLogLine> & { message: string })[]): Promise<void>;
  /** Ends it as failed. */
  end(): Promise<void>;
}

export async function holdDeployment(plane: Plane, owner: Member): Promise<HeldDeployment> {
  const { prisma } = plane.app.database;
  const { organizationId, userId } = owner;
  const app = await createApp(owner);
  const { entityId, productionAppId } = app;
  const versionId = createId('Version');
  const about = { version: 'v1', sourceHash: 'hash', packageKey: 'packages/a', packageBytes: 1n, packageSha256: 'sha' };
  await prisma.version.create({ data: { id: versionId, organizationId, entityId, ...about } });
  const input = { organizationId, productionAppId, versionId, triggeredById: userId, reason: null } as const;
  const { id } = await prisma.$transaction((tx) => insertDeployment(tx, { ...input, trigger: 'manual' }));
  const claim: Claim = (await claimNextDeployment(prisma, productionAppId, 'test'))!;
  return {
    id,
    app,
    async append(lines) {
      for (let from = 0; from < lines.length; from += 2_000) {
        const batch = lines.slice(from, from + 2_000).map((line) => ({ ...DEFAULTS, at: new Date(), ...line }));
        await appendLogLines(prisma, claim, batch);
      }
    },
    async end() {
      await failDeployment(prisma, claim, 'failed', FAILURE);
    },
  };
}

const DEFAULTS = { phase: 'build', attempt: 1, stream: 'stdout', level: 'info', truncated: false } as const;

export const FAILURE: Failure = {
  code: 'BUILD_FAILED',
  phase: 'build',
  message: '`make` exited with code 2.',
  exitCode: 2,
  signal: null,
  retryable: false,
  hint: null,
  firstSeq: null,
  lastSeq: null,
};
