import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packProject, type PackedProject } from '../pack.ts';
import { pushPackage, type PushedVersion } from '../upload.ts';
import { CommandError, usageError } from './command-error.ts';
import { createIdempotencyKey } from './follow/follow-command.ts';
import { findApp, type App } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';

export interface PushOptions {
  readonly as?: string;
  /** Left out: only if there is no active version yet. */
  readonly activate?: boolean;
  readonly force?: boolean;
}

export async function runPush(caller: Caller, name: string | undefined, options: PushOptions): Promise<void> {
  const session = openSession(caller);
  const app = await findApp(caller, session, name);
  const pushed = await pushFolder(caller, session, app, { ...options, idempotencyKey: createIdempotencyKey() });
  const { id, version, wasThere } = pushed;
  caller.output.result(caller.output.json ? JSON.stringify({ type: 'version', id, version, wasThere }) : version);
}

/** Packs the project that the caller stands in, and pushes it as a version of the app's entity. */
export async function pushFolder(
  { output, folder: current, project }: Caller,
  { client }: Session,
  { entity }: App,
  { as, activate, force, idempotencyKey }: PushOptions & { idempotencyKey: string },
): Promise<PushedVersion> {
  const folder = project?.folder ?? current;
  assertProject(folder);
  const temporary = mkdtempSync(join(tmpdir(), 'windlass-'));
  try {
    const packed = await packOrRefuse(folder, join(temporary, 'package.tar.gz'));
    output.say(`Packed ${folder}: ${sizeText(packed.bytes)}.`);
    const version = as ?? `${packed.version}-${packed.sha256.slice(0, 8)}`;
    const about = { entityId: entity.id, version, setAsActive: activate, force, idempotencyKey };
    const pushed = await pushPackage(client, packed, about);
    const what = pushed.wasThere ? 'has this source already' : 'was pushed';
    output.say(`Version ${pushed.version} ${what}.`);
    return pushed;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function assertProject(folder: string): void {
  if (['windlass.json', 'package.json'].some((name) => existsSync(join(folder, name)))) return;
  throw usageError(
    `${folder} has no windlass.json and no package.json: it does not look like a project.`,
    'Go to your project, or ship what was pushed before with --version <version> or --active.',
  );
}

async function packOrRefuse(folder: string, file: string): Promise<PackedProject> {
  try {
    return await packProject(folder, file);
  } catch (cause) {
    throw new CommandError('usage', `${folder} cannot be packed: ${(cause as Error).message}`, null, { cause });
  }
}

export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
