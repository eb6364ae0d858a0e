import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { createId, kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { PackageTooLargeError, type PackageStore, type StoredObject } from '../packages/store.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { hashSecret } from '../store/directory.ts';
import { loadEntityFor } from './authorize.ts';
import { idempotencyKey, makeOnce } from './idempotency.ts';
import { parseInput } from './input.ts';

export interface UploadDeps {
  readonly prisma: PrismaClient;
  readonly packages: PackageStore;
  /** Where callers reach this API, without a slash at the end. */
  readonly publicUrl: string;
  readonly limits: { readonly packageBytesMax: number; readonly unpackedBytesMax: number };
}

const UPLOAD_TTL_MS = 60 * 60 * 1_000;

export const versionText = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
    'must be 1 to 128 letters, digits, dots, plus signs, hyphens and underscores',
  );
export const sourceHash = z
  .string()
  .regex(/^[A-Za-z0-9+/=:_-]{8,200}$/, 'must be 8 to 200 characters of a hash in hexadecimal or base64');

const requestInput = z.object({
  entityId: z.string(),
  version: versionText,
  sourceHash,
  baseVersionId: z.string().nullish(),
  force: z.boolean().nullish(),
  idempotencyKey,
});

export type RequestedUpload = (
  | { readonly uploadUrl: string; readonly storagePath: string; readonly expiresAt: Date }
  | { readonly existingVersionId: string }
) & {
  /** An earlier call with the same key had asked already. */
  readonly replayed: boolean;
};

/** Step 1: where to put the package file; or the version that was made from the same source, unless forced. */
export async function requestVersionUpload(
  { prisma, publicUrl }: UploadDeps,
  viewer: Viewer,
  input: z.input<typeof requestInput>,
): Promise<RequestedUpload> {
  const { idempotencyKey: key, ...body } = parseInput(requestInput, input);
  const entity = await loadEntityFor(prisma, viewer, body.entityId, 'requestVersionUpload');
  await assertBaseVersion(prisma, entity, body.baseVersionId ?? null);
  const { id: made, replayed } = await prisma.$transaction((tx) =>
    makeOnce(tx, viewer, key, { operation: 'requestVersionUpload', ...body }, async () => {
      const existing = body.force ? null : await findVersionBySource(tx, entity, body.sourceHash);
      if (existing) return existing.id;
      const upload = await insertUpload(tx, viewer, entity, body);
      await recordAudit(tx, viewer, {
        organizationId: entity.organizationId,
        action: 'requestVersionUpload',
        subjectId: entity.id,
        details: { version: body.version },
      });
      return upload;
    }),
  );
  if (kindOfId(made) === 'Version') return { existingVersionId: made, replayed };
  const [id] = made.split('/');
  const { storagePath, expiresAt } = await prisma.upload.findUniqueOrThrow({
    where: { id, organizationId: entity.organizationId },
  });
  return { uploadUrl: `${publicUrl}/api/uploads/${made}`, storagePath, expiresAt, replayed };
}

/**
 * Answers the end of the URL, id and secret. With an idempotency key it is kept beside the key, so that the same call
 * gets the same URL: it is good for an hour, and for this one file.
 */
async function insertUpload(
  tx: Transaction,
  viewer: Viewer,
  entity: VersionOwner,
  { version, sourceHash: hash, baseVersionId }: { version: string; sourceHash: string; baseVersionId?: string | null },
): Promise<string> {
  await assertVersionIsFree(tx, entity, version);
  const { entityId, organizationId } = versionsOf(entity);
  const id = createId('Upload');
  const secret = randomBytes(24).toString('base64url');
  await tx.upload.create({
    data: {
      id,
      organizationId,
      entityId,
      version,
      sourceHash: hash,
      baseVersionId: baseVersionId ?? null,
      secretHash: hashSecret(secret),
      storagePath: `uploads/${id}.tar.gz`,
      createdById: viewer.userId,
      expiresAt: new Date(Date.now() + UPLOAD_TTL_MS),
    },
  });
  return `${id}/${secret}`;
}

/** Whose versions are looked at. */
interface VersionOwner {
  readonly id: string;
  readonly organizationId: string;
}

export function versionsOf({ id: entityId, organizationId }: VersionOwner) {
  return { entityId, organizationId };
}

async function assertBaseVersion(prisma: PrismaClient, entity: VersionOwner, id: string | null): Promise<void> {
  if (id === null) return;
  const isKnown =
    kindOfId(id) === 'Version' && (await prisma.version.count({ where: { id, ...versionsOf(entity) } })) > 0;
  if (!isKnown) throw notFound('version');
}

export function findVersionBySource(prisma: Pick<PrismaClient, 'version'>, entity: VersionOwner, hash: string) {
  return prisma.version.findFirst({ where: { ...versionsOf(entity), sourceHash: hash }, orderBy: { id: 'desc' } });
}

async function assertVersionIsFree(
  prisma: Pick<PrismaClient, 'version'>,
  entity: VersionOwner,
  version: string,
): Promise<void> {
  if ((await prisma.version.count({ where: { ...versionsOf(entity), version } })) > 0) throw versionTaken();
}

function versionTaken(): DomainError {
  return new DomainError('CONFLICT', VERSION_TAKEN);
}

export const VERSION_TAKEN =
  'The entity has a version of this name already, made from other source. Choose another one.';

/**
 * The file itself, at the URL of step 1. May be repeated until the version is confirmed; the last complete file counts.
 * `sha256` is what the sender says the file has, if he says it. Throws NOT_FOUND for a URL that is wrong or too old.
 */
export async function receiveUpload(
  { prisma, packages, limits }: UploadDeps,
  { id, secret }: { id: string; secret: string },
  body: Readable,
  expected: { bytes: number | null; sha256: string | null },
): Promise<void> {
  const upload = kindOfId(id) === 'Upload' ? await prisma.upload.findUnique({ where: { id } }) : null;
  if (!upload || !isSame(upload.secretHash, hashSecret(secret))) throw notFound('upload');
  if (upload.expiresAt <= new Date()) {
    throw new DomainError('NOT_FOUND', 'This upload URL has expired. Ask for a new one.');
  }
  if (upload.versionId !== null) throw new DomainError('CONFLICT', 'This upload was confirmed already.');
  assertFits(expected.bytes, limits.packageBytesMax);

  const key = `packages/${createId('Upload')}.tar.gz`;
  const stored = await putPackage(packages, key, body, limits.packageBytesMax);
  const problem = mismatchOf(stored, expected);
  const isKept =
    problem === null &&
    (await prisma.upload.updateMany({
      where: { id, versionId: null },
      data: { receivedKey: key, receivedBytes: stored.bytes, receivedSha256: stored.sha256 },
    }));
  if (!isKept || isKept.count === 0) await packages.remove(key);
  if (problem !== null) throw new DomainError('PACKAGE_REJECTED', problem);
  if (isKept && isKept.count > 0 && upload.receivedKey !== null) await packages.remove(upload.receivedKey);
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function assertFits(bytes: number | null, bytesMax: number): void {
  if (bytes === null || bytes <= bytesMax) return;
  throw new DomainError('PAYLOAD_TOO_LARGE', new PackageTooLargeError(bytesMax).message, { bytesMax });
}

async function putPackage(
  packages: PackageStore,
  key: string,
  body: Readable,
  bytesMax: number,
): Promise<StoredObject> {
  try {
    return await packages.put(key, body, { bytesMax });
  } catch (error) {
    if (error instanceof PackageTooLargeError)
      throw new DomainError('PAYLOAD_TOO_LARGE', error.message, { bytesMax }, { cause: error });
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') {
      throw new DomainError('PACKAGE_REJECTED', 'The upload broke off before its end.', {}, { cause: error });
    }
    throw error;
  }
}

export function mismatchOf(
  stored: StoredObject,
  expected: { bytes: number | null; sha256: string | null },
): string | null {
  if (stored.bytes === 0) return 'The package is empty.';
  if (expected.bytes !== null && stored.bytes !== expected.bytes) {
    return `The package has ${stored.bytes} bytes, not ${expected.bytes}.`;
  }
  if (expected.sha256 !== null && stored.sha256 !== expected.sha256) {
    return `The SHA-256 of what arrived is ${stored.sha256}, not ${expected.sha256}.`;
  }
  return null;
}
