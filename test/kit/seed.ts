import { createHash, randomUUID } from 'node:crypto';
import { createGzip } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { pack, type Headers } from 'tar-stream';
import { SCOPES, type Scope } from '../../src/domain/access.ts';
import { isTerminal, type DeploymentStatus, type PhaseName } from '../../src/domain/deployment.ts';
import type { ApiClient } from '../../src/client/api.ts';
import {
  ConfirmUploadDocument,
  CreateEntityDocument,
  CreateProductionAppDocument,
  RequestUploadDocument,
  TriggerDocument,
} from '../../src/generated/gql/graphql.ts';
import { addMember, createOrganization, createTokenSecret } from '../../src/store/directory.ts';
import { send, type Plane } from './plane.ts';
import { SENTINEL, SENTINEL_NAME } from './sentinel.ts';
import { until } from './until.ts';

export interface Member {
  readonly organizationId: string;
  readonly userId: string;
  readonly token: string;
  readonly client: ApiClient;
}

/** A new organization with its owner. */
export async function createOwner(plane: Plane): Promise<Member> {
  const slug = `org-${randomUUID().slice(0, 8)}`;
  const organizationId = await createOrganization(plane.app.database.prisma, slug, slug);
  return createMember(plane, organizationId, SCOPES);
}

export async function createMember(plane: Plane, organizationId: string, scopes: readonly Scope[]): Promise<Member> {
  const token = createTokenSecret();
  const role = `role-${randomUUID().slice(0, 8)}`;
  const userId = await addMember(plane.app.database.prisma, { organizationId, name: 'Ada', role, scopes, token });
  return { organizationId, userId, token, client: plane.client(token) };
}

export interface SeededApp {
  readonly entityId: string;
  readonly productionAppId: string;
  readonly subdomain: string;
}

export async function createApp({ organizationId, client }: Member): Promise<SeededApp> {
  const subdomain = `app-${randomUUID().slice(0, 8)}`;
  const entity = await client.request(CreateEntityDocument, {
    input: { organizationId, name: 'Shop', slug: subdomain },
  });
  const entityId = entity.createEntity.entity.id;
  const environment = [{ name: SENTINEL_NAME, value: SENTINEL }];
  const app = await client.request(CreateProductionAppDocument, { input: { entityId, subdomain, environment } });
  return { entityId, productionAppId: app.createProductionApp.productionApp.id, subdomain };
}

export type Files = Readonly<Record<string, string | Partial<Headers>>>;

/** A gzipped tar of some files; a header in place of a text makes an entry of any kind. */
export function makePackage(files: Files): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') archive.entry({ name }, content);
    else archive.entry({ name, ...content });
  }
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

/** Pushes a package in the two documented steps and makes it the active version. */
export async function pushVersion(member: Member, entityId: string, files: Files): Promise<string> {
  return pushArchive(member, entityId, await makePackage(files));
}

export async function pushArchive(member: Member, entityId: string, archive: Buffer): Promise<string> {
  const about = { entityId, version: `v-${randomUUID().slice(0, 8)}`, sourceHash: randomUUID() };
  const { requestVersionUpload } = await member.client.request(RequestUploadDocument, { input: about });
  const put = await send('PUT', requestVersionUpload.uploadUrl!, { body: archive, headers: digestOf(archive) });
  if (put.status !== 204) throw new Error(put.body);
  const { confirmVersionUpload } = await member.client.request(ConfirmUploadDocument, {
    input: {
      ...about,
      storagePath: requestVersionUpload.storagePath!,
      fileSizeBytes: archive.length,
      setAsActive: true,
    },
  });
  return confirmVersionUpload.version.id;
}

export function digestOf(content: Buffer): Record<string, string> {
  return { 'content-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:` };
}

export async function trigger(
  { client }: Member,
  productionAppId: string,
  versionId?: string,
  idempotencyKey?: string,
): Promise<string> {
  const input = { productionAppId, versionId, idempotencyKey };
  const { triggerDeployment } = await client.request(TriggerDocument, { input });
  return triggerDeployment.deployment.id;
}

export async function untilStatus(plane: Plane, id: string, status: DeploymentStatus): Promise<void> {
  const { prisma } = plane.app.database;
  await until(`deployment ${id} is ${status}`, async () => {
    const row = await prisma.deployment.findUniqueOrThrow({ where: { id } });
    if (row.status === status) return true;
    if (isTerminal(row.status)) throw new Error(`The deployment has ${row.status}: ${row.errorMessage}`);
    return false;
  });
}

export async function untilPhase(plane: Plane, deploymentId: string, name: PhaseName): Promise<void> {
  await until(`${deploymentId} is in ${name}`, () =>
    plane.app.database.prisma.deploymentPhase.findFirst({ where: { deploymentId, name, status: 'in_progress' } }),
  );
}

export async function untilLine(plane: Plane, deploymentId: string, message: string): Promise<void> {
  await until(`${deploymentId} logs ${message}`, () =>
    plane.app.database.prisma.logLine.findFirst({ where: { deploymentId, message } }),
  );
}

/** Deploys a package to an app and waits for the end that it should have. */
export async function deployFiles(
  plane: Plane,
  member: Member,
  app: SeededApp,
  files: Files,
  status: DeploymentStatus = 'completed',
): Promise<string> {
  const id = await trigger(member, app.productionAppId, await pushVersion(member, app.entityId, files));
  await untilStatus(plane, id, status);
  return id;
}

/** A small app that says which version it is. Whatever is given replaces what windlass.json would say. */
export function appFiles(version: string, manifest: Record<string, unknown> = {}): Files {
  return {
    'server.mjs': `
      import { createServer } from 'node:http';
      createServer((request, response) => {
        if (request.url === '/cached') response.setHeader('cache-control', 'public, max-age=600');
        response.end('${version}');
      }).listen(process.env.PORT, '127.0.0.1');
    `,
    'windlass.json': JSON.stringify({ start: 'exec node server.mjs', drain: '100ms', ...manifest }),
  };
}
