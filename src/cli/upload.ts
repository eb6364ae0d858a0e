import { createReadStream } from 'node:fs';
import { ApiError, foreignAnswer, type ApiClient } from '../client/api.ts';
import { ConfirmUploadDocument, RequestUploadDocument } from '../generated/gql/graphql.ts';
import type { PackedProject } from './pack.ts';

export interface PushedVersion {
  readonly id: string;
  readonly version: string;
  /** The server has had a version of the same source before. */
  readonly wasThere: boolean;
}

export interface PushOptions {
  readonly entityId: string;
  readonly version: string;
  /** Makes it what is deployed by default. Left out: only if there is none yet. */
  readonly setAsActive?: boolean;
  /** Makes a new version even of a source that is there. */
  readonly force?: boolean;
  /** The same key makes no second version. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const ATTEMPTS = 3;

/** Pushes a packed project in the two documented steps. Throws ApiError. */
export async function pushPackage(
  client: ApiClient,
  { file, bytes, sha256 }: PackedProject,
  { entityId, version, setAsActive, force, idempotencyKey: key, signal }: PushOptions,
): Promise<PushedVersion> {
  const about = { entityId, version, sourceHash: sha256, force };
  const { requestVersionUpload: upload } = await client.request(RequestUploadDocument, {
    input: { ...about, idempotencyKey: key && `${key}-upload` },
  });
  if (upload.existingVersion) return { ...upload.existingVersion, wasThere: true };
  await putFile(upload.uploadUrl!, file, bytes, signal);
  const { confirmVersionUpload } = await client.request(ConfirmUploadDocument, {
    input: {
      ...about,
      storagePath: upload.storagePath!,
      fileSizeBytes: bytes,
      packageSha256: sha256,
      setAsActive,
      idempotencyKey: key && `${key}-confirm`,
    },
  });
  return { ...confirmVersionUpload.version, wasThere: false };
}

/** The same file at the same address again changes nothing, so a broken connection is not the end. */
async function putFile(url: string, file: string, bytes: number, signal?: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const refusal = await tryPut(url, file, bytes, signal);
    if (refusal === null) return;
    if (refusal.code !== 'UNAVAILABLE' || attempt === ATTEMPTS) throw refusal;
  }
}

async function tryPut(url: string, file: string, bytes: number, signal?: AbortSignal): Promise<ApiError | null> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/gzip', 'content-length': String(bytes) },
      body: createReadStream(file) as unknown as BodyInit,
      duplex: 'half',
      signal,
    } as RequestInit);
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    return new ApiError('UNAVAILABLE', `The package could not be sent to ${new URL(url).origin}.`, { cause });
  }
  if (response.ok) return null;
  const problem = parseProblem(text);
  return problem ? new ApiError(problem.code, problem.detail) : foreignAnswer(response.status);
}

function parseProblem(text: string): { code: string; detail: string } | null {
  try {
    const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown };
    return typeof code === 'string' && typeof detail === 'string' ? { code, detail } : null;
  } catch {
    return null; // Not JSON: not from Windlass.
  }
}
