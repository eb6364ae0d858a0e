import { z } from 'zod';
import { restrictedToApps, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { createId } from '../domain/ids.ts';
import { ManifestError, readManifest, type Manifest } from '../domain/manifest.ts';
import type { Upload } from '../generated/prisma/client.ts';
import { ArchiveError, inspectPackage } from '../packages/archive.ts';
import type { StoredObject } from '../packages/store.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { loadEntityFor } from './authorize.ts';
import { refuseDuplicates } from './catalog.ts';
import { idempotencyKey, makeOnce, makeSlowlyOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';
import {
  findVersionBySource,
  mismatchOf,
  sourceHash,
  VERSION_TAKEN,
  versionsOf,
  versionText,
  type UploadDeps,
} from './uploads.ts';

const ENTRIES_MAX = 200_000;

const confirmInput = z.object({
  entityId: z.string(),
  storagePath: z.string(),
  version: versionText,
  sourceHash,
  fileSizeBytes: z.number().int().min(0),
  packageSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits')
    .nullish(),
  setAsActive: z.boolean().nullish(),
  force: z.boolean().nullish(),
  idempotencyKey,
});

type ConfirmInput = z.input<typeof confirmInput>;

/**
 * Step 2: makes a version of what arrived, after a look through the whole archive. The entity's first version becomes
 * its active one unless told otherwise. Confirming again gives the same version back.
 */
export async function confirmVersionUpload(deps: UploadDeps, viewer: Viewer, input: ConfirmInput): Promise<Made> {
  const { prisma } = deps;
  const { idempotencyKey: key, ...body } = parseInput(confirmInput, input);
  await loadEntityFor(prisma, viewer, body.entityId, 'confirmVersionUpload');
  const request = { operation: 'confirmVersionUpload', ...body } as const;
  return makeSlowlyOnce(prisma, viewer, key, request, () => makeVersion(deps, viewer, body, { key, request }));
}

/** What its caller was asked, and calls the making of a version in the audit. */
interface VersionRequest {
  readonly key: string | null | undefined;
  readonly request: { readonly operation: 'confirmVersionUpload' | 'createVersionFromUrl' };
}

/** The same for who has parsed the input, and keeps the key for more than this. */
export async function makeVersion(
  deps: UploadDeps,
  viewer: Viewer,
  body: Omit<ConfirmInput, 'idempotencyKey'>,
  { key, request }: VersionRequest,
): Promise<Made> {
  const { prisma } = deps;
  const entity = await loadEntityFor(prisma, viewer, body.entityId, request.operation);
  const upload = await prisma.upload.findFirst({ where: { storagePath: body.storagePath, ...versionsOf(entity) } });
  if (!upload) throw notFound('upload');
  if (upload.version !== body.version || upload.sourceHash !== body.sourceHash) {
    throw new DomainError('CONFLICT', 'version and source hash differ from those the upload was requested with.');
  }
  if (upload.versionId !== null) return { id: upload.versionId, replayed: true };
  const existing = body.force ? null : await findVersionBySource(prisma, entity, body.sourceHash);
  if (existing) return { id: existing.id, replayed: true };

  const received = receivedFile(upload);
  const mismatch = mismatchOf(received, { bytes: body.fileSizeBytes, sha256: body.packageSha256 ?? null });
  if (mismatch !== null) throw new DomainError('PACKAGE_REJECTED', mismatch);
  const { packageJson, manifest } = await inspect(deps, upload.id, received.key);
  // What is active is what other apps of the entity ship.
  if (viewer.appIds !== null && body.setAsActive) throw restrictedToApps(entity.organizationId);
  const isActive = body.setAsActive ?? (viewer.appIds === null && entity.activeVersionId === null);
  const facts = { packageJson, manifest, isActive, action: request.operation };
  return refuseDuplicates(VERSION_TAKEN, () =>
    prisma.$transaction((tx) =>
      makeOnce(tx, viewer, key, { ...request }, () => storeVersion(tx, viewer, upload, received, facts)),
    ),
  );
}

interface ReceivedFile extends StoredObject {
  readonly key: string;
}

function receivedFile({ receivedKey, receivedBytes, receivedSha256 }: Upload): ReceivedFile {
  if (receivedKey === null || receivedBytes === null || receivedSha256 === null) {
    throw new DomainError('CONFLICT', 'The package file has not arrived yet. PUT it to the upload URL first.');
  }
  return { key: receivedKey, bytes: Number(receivedBytes), sha256: receivedSha256 };
}

/** A package that is not accepted is not kept; another file may be put to the same URL. */
async function inspect(
  { prisma, packages, limits }: UploadDeps,
  uploadId: string,
  key: string,
): Promise<{ packageJson: string | null; manifest: Manifest }> {
  try {
    const archiveLimits = { bytesMax: limits.unpackedBytesMax, entriesMax: ENTRIES_MAX, links: 'refused' } as const;
    const description = await inspectPackage(packages.open(key), archiveLimits);
    return { packageJson: description.packageJson, manifest: readManifest(description) };
  } catch (error) {
    if (!(error instanceof ArchiveError) && !(error instanceof ManifestError)) throw error;
    const nothing = { receivedKey: null, receivedBytes: null, receivedSha256: null };
    await prisma.upload.updateMany({ where: { id: uploadId, receivedKey: key }, data: nothing });
    await packages.remove(key);
    throw new DomainError('PACKAGE_REJECTED', error.message, {}, { cause: error });
  }
}

interface VersionFacts {
  readonly packageJson: string | null;
  readonly manifest: Manifest;
  readonly isActive: boolean;
  readonly action: VersionRequest['request']['operation'];
}

/** Version, upload and active version change together. Another file that arrived meanwhile is not the one we looked at. */
async function storeVersion(
  tx: Transaction,
  viewer: Viewer,
  upload: Upload,
  file: ReceivedFile,
  { packageJson, manifest, isActive, action }: VersionFacts,
): Promise<string> {
  const id = createId('Version');
  const { organizationId, entityId, version, sourceHash: hash, baseVersionId } = upload;
  await tx.version.create({
    data: {
      id,
      organizationId,
      entityId,
      version,
      sourceHash: hash,
      baseVersionId,
      packageKey: file.key,
      packageBytes: file.bytes,
      packageSha256: file.sha256,
      packageJson: storableJson(packageJson),
      manifest: storableJson(JSON.stringify(manifest)),
      createdById: viewer.userId,
    },
  });
  const claimed = await tx.upload.updateMany({
    where: { id: upload.id, versionId: null, receivedKey: file.key },
    data: { versionId: id },
  });
  if (claimed.count === 0) {
    throw new DomainError('CONFLICT', 'The upload changed while it was confirmed. Confirm it again.');
  }
  if (isActive) await tx.entity.update({ where: { id: entityId }, data: { activeVersionId: id } });
  const details = { entityId, version, sha256: file.sha256, isActive };
  await recordAudit(tx, viewer, { organizationId, action, subjectId: id, details });
  return id;
}

/** PostgreSQL's JSON holds neither NUL nor halves of characters; a package.json with such is not worth refusing. */
function storableJson(text: string | null) {
  if (text === null) return undefined;
  const json = JSON.stringify(JSON.parse(text));
  return /\\u(0000|d[89a-f][0-9a-f]{2})/i.test(json) ? undefined : JSON.parse(json);
}
