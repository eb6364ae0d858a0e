import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { FetchError, openUrl, parseUrl } from '../packages/fetch.ts';
import type { PublicHosts } from '../packages/public-hosts.ts';
import { loadEntityFor } from './authorize.ts';
import { makeVersion } from './confirmed-versions.ts';
import { idempotencyKey, makeSlowlyOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';
import { receiveUpload, requestVersionUpload, type UploadDeps } from './uploads.ts';

export interface FetchDeps extends UploadDeps {
  readonly hosts: PublicHosts;
  readonly fetchTimeoutMs: number;
}

const fetchInput = z.object({
  entityId: z.string(),
  version: z.string(),
  sourceHash: z.string(),
  baseVersionId: z.string().nullish(),
  packageUrl: z
    .string()
    .max(4_096)
    .superRefine((address, context) => {
      const problem = problemOf(address);
      if (problem !== null) context.addIssue({ code: 'custom', message: `is not accepted: ${problem}` });
    }),
  packageSha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits'),
  setAsActive: z.boolean().nullish(),
  force: z.boolean().nullish(),
  idempotencyKey,
});

/**
 * Makes a version of a package that lies elsewhere: fetches it once, as if it had been put to an upload's URL. What was
 * fetched is kept, so that no deployment depends on the other place. Throws PACKAGE_REJECTED when it cannot be fetched.
 */
export async function createVersionFromUrl(
  deps: FetchDeps,
  viewer: Viewer,
  input: z.input<typeof fetchInput>,
): Promise<Made> {
  const { prisma } = deps;
  const { idempotencyKey: key, ...body } = parseInput(fetchInput, input);
  await loadEntityFor(prisma, viewer, body.entityId, 'createVersionFromUrl');
  const request = { operation: 'createVersionFromUrl', ...body } as const;
  return makeSlowlyOnce(prisma, viewer, key, request, async () => {
    const { entityId, version, sourceHash, baseVersionId, force, setAsActive, packageSha256 } = body;
    const upload = await requestVersionUpload(deps, viewer, { entityId, version, sourceHash, baseVersionId, force });
    if ('existingVersionId' in upload) return { id: upload.existingVersionId, replayed: true };
    const [id = '', secret = ''] = upload.uploadUrl.split('/').slice(-2);
    await receive(deps, { id, secret }, body);
    const { storagePath } = upload;
    const { receivedBytes } = await prisma.upload.findUniqueOrThrow({ where: { id } });
    const received = { storagePath, fileSizeBytes: Number(receivedBytes), packageSha256 };
    return makeVersion(
      deps,
      viewer,
      { entityId, version, sourceHash, setAsActive, force, ...received },
      { key, request },
    );
  });
}

async function receive(
  deps: FetchDeps,
  upload: { id: string; secret: string },
  { packageUrl, packageSha256 }: { packageUrl: string; packageSha256: string },
): Promise<void> {
  const { packageBytesMax } = deps.limits;
  const signal = AbortSignal.timeout(deps.fetchTimeoutMs);
  try {
    const source = await openUrl(deps.hosts, packageUrl, { bytesMax: packageBytesMax, signal });
    try {
      await receiveUpload(deps, upload, source, { bytes: null, sha256: packageSha256 });
    } finally {
      source.destroy(); // Also when it was refused before it was read.
    }
  } catch (cause) {
    if (cause instanceof FetchError) throw rejected(cause.message, cause);
    if (signal.aborted) throw rejected(`It took longer than ${deps.fetchTimeoutMs} ms.`, cause);
    throw cause;
  }
}

function rejected(why: string, cause: unknown): DomainError {
  return new DomainError('PACKAGE_REJECTED', `The package could not be fetched. ${why}`, {}, { cause });
}

function problemOf(address: string): string | null {
  try {
    parseUrl(address);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
