import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { packProject } from '../src/cli/pack.ts';
import type { ApiClient } from '../src/client/api.ts';
import { loadConfig } from '../src/config.ts';
import type { Viewer } from '../src/domain/access.ts';
import { createKeyRing, KEY_BYTES } from '../src/domain/sealing.ts';
import { createMemoryBus } from '../src/events/bus.ts';
import { ConfirmUploadDocument, RequestUploadDocument, WhoamiDocument } from '../src/generated/gql/graphql.ts';
import { createEntity } from '../src/operations/catalog.ts';
import { createProductionApp } from '../src/operations/production-apps.ts';
import type { Database } from '../src/store/db.ts';

/** A database of its own on a server, for one run. */
export async function createServerDatabase(serverUrl: string) {
  const name = `windlass_bench_${randomUUID().replaceAll('-', '')}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name} with (force)`) };
}

export interface Ids {
  readonly organizationId: string;
  readonly userId: string;
  readonly entityId: string;
  readonly productionAppId: string;
  readonly versionId: string;
}

/** An app whose version has no package: its deployments fail in `orchestrate`, so that triggers follow fast. */
export async function seed({ prisma }: Database, client: ApiClient): Promise<Ids> {
  const { viewer: who } = await client.request(WhoamiDocument, {});
  const organizationId = who.memberships[0]!.organization.id;
  const viewer = ownerOf({ organizationId, userId: who.user.id });
  const entity = await createEntity({ prisma }, viewer, { organizationId, name: 'Bench', slug: 'bench' });
  const about = { organizationId, userId: who.user.id, entityId: entity.id };
  const productionAppId = await createApp({ prisma }, about, 'bench');
  const version = await prisma.version.create({
    data: {
      id: `ver_${'0'.repeat(26)}`,
      organizationId,
      entityId: entity.id,
      version: 'v1',
      sourceHash: 'none',
      packageKey: 'packages/none.tar.gz',
      packageBytes: 1,
      packageSha256: 'none',
    },
  });
  return { ...about, productionAppId, versionId: version.id };
}

export function ownerOf({ organizationId, userId }: Pick<Ids, 'organizationId' | 'userId'>): Viewer {
  const memberships = [{ organizationId, role: 'owner', scopes: ['entities:publish', 'entities:deploy'] as const }];
  return { userId, appIds: null, isUnrestricted: true, expiresAt: null, tokenId: '', memberships };
}

export async function createApp(
  { prisma }: Pick<Database, 'prisma'>,
  ids: Pick<Ids, 'organizationId' | 'userId' | 'entityId'>,
  subdomain: string,
): Promise<string> {
  const deps = { prisma, bus: createMemoryBus(), keyRing: createKeyRing([randomBytes(KEY_BYTES)]) };
  return (await createProductionApp(deps, ownerOf(ids), { entityId: ids.entityId, subdomain })).id;
}

/** What Linux counts processor time in. */
const TICK_MS = 10;

/** A process of its own, so that its memory is its own too. */
export interface BenchProcess {
  readonly child: ChildProcess;
  /** The first text that it prints which fits. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** What it has in memory now, in MiB. */
  rssMiB(): number;
  /** The processor time of all its threads until now, in milliseconds, to the next ten. */
  cpuMs(): number;
  stop(): Promise<void>;
}

export function startProcess(args: readonly string[], env: Record<string, string> = {}): BenchProcess {
  const child = spawn(process.execPath, [...args], {
    env: { PATH: loadConfig().commandPath, WINDLASS_RATE_LIMIT: '0', WINDLASS_RATE_LIMIT_ANONYMOUS: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let text = '';
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(text);
        if (found) resolve(found);
      };
      child.stdout!.on('data', look);
      child.once('exit', () => reject(new Error(`${args.join(' ')} ended:\n${text}`)));
      look();
    });
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {
    child,
    printed,
    rssMiB: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024,
    cpuMs() {
      // What stands before the bracket may hold blanks. Fields 14 and 15: ticks in the program, and in the kernel for it.
      const [, fields = ''] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ');
      const [user, kernel] = fields.split(' ').slice(11, 13);
      return (Number(user) + Number(kernel)) * TICK_MS;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Pushes some files as a version, through the API, and answers its id. */
export async function pushFiles(client: ApiClient, entityId: string, files: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-push-'));
  try {
    mkdirSync(join(folder, 'project'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'project', name), text);
    const { file, bytes, sha256 } = await packProject(join(folder, 'project'), join(folder, 'package.tar.gz'));
    const about = { entityId, version: `v-${sha256.slice(0, 8)}`, sourceHash: sha256 };
    const { requestVersionUpload: upload } = await client.request(RequestUploadDocument, { input: about });
    const answer = await fetch(upload.uploadUrl!, { method: 'PUT', body: readFileSync(file) });
    if (!answer.ok) throw new Error(await answer.text());
    const { confirmVersionUpload } = await client.request(ConfirmUploadDocument, {
      input: { ...about, storagePath: upload.storagePath!, fileSizeBytes: bytes, setAsActive: true },
    });
    return confirmVersionUpload.version.id;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A document without generated types. */
export function asDocument(text: string) {
  return { toString: () => text } as never;
}
