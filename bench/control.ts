import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../src/app.ts';
import { ROLES } from '../src/domain/process.ts';
import { createApiClient, type ApiClient } from '../src/client/api.ts';
import { dataFolders, loadConfig } from '../src/config.ts';
import { Secret } from '../src/secret.ts';
import { createLog } from '../src/telemetry.ts';
import type { Database } from '../src/store/db.ts';
import { TriggerDocument } from '../src/generated/gql/graphql.ts';
import { asDocument, createServerDatabase, seed, type Ids } from './fixtures.ts';
import { printRow, spreadOf, timeEach } from './measure.ts';

const TRIGGERS = 100;
const QUERIES = 60;

/** The control plane's own share: how soon a deployment starts, and how long reading takes with a long history. */
export async function benchControl({ serverUrl, rows }: { serverUrl: string | null; rows: number }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
  const server = serverUrl === null ? null : await createServerDatabase(serverUrl);
  const token = `wl_${randomUUID()}`;
  const config = {
    ...loadConfig(),
    port: 0,
    gatewayPort: 0,
    dataDir: folder,
    databaseUrl: server && new Secret(server.url),
    redisUrl: null,
    bootstrapToken: new Secret(token),
    rateLimit: null,
    rateLimitAnonymous: null,
  };
  const app = await startApp(config, { roles: ROLES, log: createLog('silent') });
  try {
    console.log(server ? 'PostgreSQL' : 'Embedded database');
    console.log(`  ${'RSS at rest'.padEnd(44)} ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
    const client = createApiClient({ url: app.url!, token });
    const ids = await seed(app.database, client);
    await rm(dataFolders(folder).packages, { recursive: true, force: true });
    await benchTrigger(app.database, client, ids);
    await benchReads(app.database, client, ids, rows);
  } finally {
    await app.stop();
    await server?.drop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log();
}

async function benchTrigger({ prisma }: Database, client: ApiClient, ids: Ids): Promise<void> {
  const { productionAppId, versionId } = ids;
  const made: string[] = [];
  await timeEach(TRIGGERS, async () => {
    const { triggerDeployment } = await client.request(TriggerDocument, { input: { productionAppId, versionId } });
    const { id } = triggerDeployment.deployment;
    made.push(id);
    // Rarely: on the embedded database this waits in the same line as what is measured.
    while ((await prisma.deployment.count({ where: { id, finishedAt: null } })) > 0)
      await new Promise((r) => setTimeout(r, 40));
  });
  const phases = await prisma.deploymentPhase.findMany({
    where: { deploymentId: { in: made }, name: 'orchestrate' },
    include: { deployment: { select: { createdAt: true } } },
  });
  const started = phases.map(({ startedAt, deployment }) => startedAt!.getTime() - deployment.createdAt.getTime());
  printRow('trigger → first phase running', spreadOf(started), 'budget: 15 / 50');
}

async function benchReads({ prisma }: Database, client: ApiClient, ids: Ids, rows: number): Promise<void> {
  await fillHistory(prisma, ids, rows);
  const list = `query ($app: ID!, $after: String) { deployments(first: 20, after: $after, filter: { productionAppId: $app }) {
    nodes { id number status createdAt phases { name status } version { version } } pageInfo { endCursor } } }`;
  const read = (after: string | null) =>
    client.request<{ deployments: { pageInfo: { endCursor: string } } }, object>(asDocument(list), {
      app: ids.productionAppId,
      after,
    });
  const first = await timeEach(QUERIES, () => read(null));
  const deepCursor = await cursorNear(client, ids, Math.floor(rows * 0.9));
  const deep = await timeEach(QUERIES, () => read(deepCursor));
  printRow(`page of 20 with phases, ${rows} deployments`, first);
  printRow('the same, 90 % deep', deep, `ratio ${(deep.p50 / first.p50).toFixed(2)}, budget: flat`);
  const { id } = await prisma.deployment.findFirstOrThrow({ where: { productionAppId: ids.productionAppId } });
  const detail =
    'query ($id: ID!) { deployment(id: $id) { status phases { name status } version { version } triggeredBy { name } } }';
  printRow('one deployment', await timeEach(QUERIES, () => client.request(asDocument(detail), { id })));
  console.log(`  ${'RSS afterwards'.padEnd(44)} ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
}

/** Ended deployments whose ids sort below all real ones. */
async function fillHistory(prisma: Database['prisma'], ids: Ids, rows: number): Promise<void> {
  await prisma.$executeRaw`
    insert into deployments (id, organization_id, production_app_id, version_id, number, status, trigger, triggered_by_id, finished_at)
    select 'dep_' || lpad(i::text, 26, '0'), ${ids.organizationId}, ${ids.productionAppId}, ${ids.versionId}, 1000000 + i,
      'completed', 'manual', ${ids.userId}, now()
    from generate_series(1, ${rows}::int) i`;
  await prisma.$executeRaw`
    insert into deployment_phases (deployment_id, name, status)
    select d.id, p.name, 'completed' from deployments d, unnest(enum_range(null::phase_name)) as p(name)
    where d.number > 1000000 and d.number % 10 = 0`;
  await prisma.$executeRawUnsafe('analyze');
}

/** A real cursor of the list, with the id exchanged: what a client that paged so far would hold. */
async function cursorNear(client: ApiClient, ids: Ids, row: number): Promise<string> {
  const list =
    'query ($app: ID!) { deployments(first: 1, filter: { productionAppId: $app }) { pageInfo { endCursor } } }';
  const page = await client.request<{ deployments: { pageInfo: { endCursor: string } } }, object>(asDocument(list), {
    app: ids.productionAppId,
  });
  const [print] = Buffer.from(page.deployments.pageInfo.endCursor, 'base64url').toString().split('.');
  return Buffer.from(`${print}.dep_${String(row).padStart(26, '0')}`).toString('base64url');
}
