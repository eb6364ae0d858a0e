import { whyForbidden, type Viewer } from '../domain/access.ts';
import type { ActionFacts } from '../domain/actions.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Standing } from '../store/standings.ts';
import { accessOf } from './authorize.ts';

/** What is read of a deployment to judge what may be done with it. */
export const WITH_ACTION_FACTS = {
  productionApp: {
    select: { entity: { select: { organizationId: true, publishers: { select: { userId: true } } } } },
  },
} as const satisfies Prisma.DeploymentInclude;

type JudgedDeployment = Pick<
  Prisma.DeploymentGetPayload<{ include: typeof WITH_ACTION_FACTS }>,
  'id' | 'number' | 'status' | 'productionApp'
>;

export function factsOf(
  { id, number, status, productionApp }: JudgedDeployment,
  { isDeleted, liveDeploymentId, newest, irreversible }: Standing,
  viewer: Viewer,
): ActionFacts {
  return {
    status,
    forbidden: whyForbidden(viewer, 'triggerDeployment', accessOf(productionApp.entity))?.message ?? null,
    isAppDeleted: isDeleted,
    isLive: liveDeploymentId === id,
    newer: newest !== null && newest.number > number ? newest : null,
    irreversibleSince: irreversible.find((later) => later > number) ?? null,
  };
}
