import { z } from 'zod';
import { assertMay, isMember, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { createId, kindOfId } from '../domain/ids.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import { loadEntityFor, visibleVersions } from './authorize.ts';
import { idempotencyKey, makeOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';

export interface CatalogDeps {
  readonly prisma: PrismaClient;
}

/** One label of a host name. */
export const label = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, not at the ends',
  );
const name = z.string().trim().min(1, 'must not be empty').max(100, 'must be at most 100 characters');

const entityInput = z.object({
  organizationId: z.string(),
  name,
  slug: label,
  type: z.enum(['app', 'service', 'chat_extension']).nullish(),
  idempotencyKey,
});

/** Creates an entity; whoever creates it is its first publisher. */
export async function createEntity(
  { prisma }: CatalogDeps,
  viewer: Viewer,
  input: z.input<typeof entityInput>,
): Promise<Made> {
  const { idempotencyKey: key, ...body } = parseInput(entityInput, input);
  if (kindOfId(body.organizationId) !== 'Organization' || !isMember(viewer, body.organizationId)) {
    throw notFound('organization');
  }
  assertMay(viewer, 'createEntity', body);
  const id = createId('Entity');
  return refuseDuplicates('The organization has an entity of this slug already.', () =>
    prisma.$transaction((tx) =>
      makeOnce(tx, viewer, key, { operation: 'createEntity', ...body }, async () => {
        const publishers = { create: { userId: viewer.userId } };
        await tx.entity.create({ data: { ...body, id, type: body.type ?? 'app', publishers } });
        const { organizationId, slug } = body;
        await recordAudit(tx, viewer, { organizationId, action: 'createEntity', subjectId: id, details: { slug } });
        return id;
      }),
    ),
  );
}

/** Makes a version the one that is deployed by default. Again, it changes nothing. */
export async function activateVersion(
  { prisma }: CatalogDeps,
  viewer: Viewer,
  input: { versionId: string },
): Promise<string> {
  const version =
    kindOfId(input.versionId) === 'Version'
      ? await prisma.version.findFirst({ where: { id: input.versionId, ...visibleVersions(viewer) } })
      : null;
  if (!version) throw notFound('version');
  await loadEntityFor(prisma, viewer, version.entityId, 'activateVersion');
  const { organizationId, entityId, id: versionId } = version;
  await prisma.$transaction(async (tx) => {
    await tx.entity.update({ where: { id: entityId }, data: { activeVersionId: versionId } });
    await recordAudit(tx, viewer, { organizationId, action: 'activateVersion', subjectId: versionId });
  });
  return version.id;
}

const UNIQUE_VIOLATION = 'P2002';

/** Two callers may take one name at once: the unique index decides, and the second is told so. */
export async function refuseDuplicates<T>(message: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== UNIQUE_VIOLATION) throw error;
    throw new DomainError('CONFLICT', message, {}, { cause: error });
  }
}
