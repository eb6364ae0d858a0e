import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import colours from 'picocolors';
import WebSocket from 'ws';
import { startApp, type App } from '../app.ts';
import { ROLES } from '../domain/process.ts';
import { ApiError, createApiClient, type ApiClient } from '../client/api.ts';
import { followDeployment } from '../client/follow.ts';
import { loadConfig, type Config } from '../config.ts';
import { Secret } from '../secret.ts';
import {
  CreateEntityDocument,
  CreateProductionAppDocument,
  DeploymentResultDocument,
  FindAppDocument,
  TriggerDocument,
  WhoamiDocument,
} from '../generated/gql/graphql.ts';
import { createTokenSecret } from '../store/directory.ts';
import { createLog } from '../telemetry.ts';
import { packProject } from './pack.ts';
import { stopWithProcess } from './serve.ts';
import { pushPackage } from './upload.ts';

const SUBDOMAIN = 'hello';

/** Starts everything embedded, ships `examples/hello` through the public API alone, and shows what happens. */
export async function runDemo(options: { exit?: boolean; port?: number }): Promise<void> {
  const { config, token } = demoConfig(loadConfig(undefined, { WINDLASS_LOG_LEVEL: 'warn' }), options.port);
  console.log(colours.dim(`Starting Windlass on the embedded database in ${config.dataDir} …`));
  const app = await startApp(config, { roles: ROLES, log: createLog(config.logLevel) });
  if (!options.exit) stopWithProcess(app);
  try {
    const appUrl = await shipExample(app, config, token);
    showPlaces(app, appUrl, token);
  } catch (error) {
    if (!(error instanceof ApiError) && !(error instanceof DemoFailure)) throw error;
    console.error(colours.red(error.message));
    process.exitCode = 1;
  } finally {
    if (options.exit) await app.stop();
  }
  if (!options.exit) console.log(colours.dim('\nRunning until Ctrl-C.'));
}

class DemoFailure extends Error {}

/** The demo has a data folder of its own, below the configured one, and keeps its token in it. */
function demoConfig(base: Config, port: number | undefined): { config: Config; token: string } {
  const dataDir = join(base.dataDir, 'demo');
  const tokenFile = join(dataDir, 'token');
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(tokenFile)) writeFileSync(tokenFile, createTokenSecret(), { mode: 0o600 });
  const token = readFileSync(tokenFile, 'utf8').trim();
  const ports = port === undefined ? {} : { port, ...(port === 0 ? { gatewayPort: 0 } : {}) };
  const config = { ...base, ...ports, dataDir, databaseUrl: null, redisUrl: null, bootstrapToken: new Secret(token) };
  return { config, token };
}

async function shipExample({ url, gatewayPort }: App, config: Config, token: string): Promise<string> {
  const client = createApiClient({ url: url!, token });
  const { productionAppId, entityId, appUrl } = await findOrCreateApp(client);
  const versionId = await pushExample(client, entityId, join(config.dataDir, 'hello.tar.gz'));
  const { triggerDeployment } = await client.request(TriggerDocument, { input: { productionAppId, versionId } });
  const { id, number } = triggerDeployment.deployment;
  console.log(`${colours.bold(`Deployment ${number}`)} ${colours.dim(id)}`);

  let phase: string | null = null;
  for await (const event of followDeployment({ url: url!, token, deploymentId: id, webSocketImpl: WebSocket })) {
    if (event.__typename !== 'DeploymentLogBatch') continue;
    for (const line of event.lines) {
      if (line.phase !== phase) console.log(colours.cyan(`● ${line.phase?.toLowerCase() ?? ''}`));
      phase = line.phase ?? null;
      console.log(`  ${line.stream === 'SYSTEM' ? colours.dim(line.message) : line.message}`);
    }
  }
  // The stream tells what happens; only this says how it ended.
  const { deployment } = await client.request(DeploymentResultDocument, { id });
  if (deployment?.status !== 'COMPLETED') {
    throw new DemoFailure(`The deployment has ${deployment?.status.toLowerCase()}: ${deployment?.errorMessage}`);
  }
  const status = await visit(gatewayPort!, `${SUBDOMAIN}.${config.gatewayDomain}`);
  if (status !== 200) throw new DemoFailure(`The app answers with status ${status}.`);
  console.log(
    colours.green(`✔ Completed in ${((deployment.durationMs ?? 0) / 1000).toFixed(1)} s, and the app answers.`),
  );
  return appUrl;
}

async function findOrCreateApp(client: ApiClient) {
  const { productionApp } = await client.request(FindAppDocument, { subdomain: SUBDOMAIN });
  if (productionApp) {
    return { productionAppId: productionApp.id, entityId: productionApp.entity.id, appUrl: productionApp.url };
  }
  const { viewer } = await client.request(WhoamiDocument, {});
  const organizationId = viewer.memberships[0]!.organization.id;
  const { createEntity } = await client.request(CreateEntityDocument, {
    input: { organizationId, name: 'Hello', slug: SUBDOMAIN },
  });
  const entityId = createEntity.entity.id;
  const created = await client.request(CreateProductionAppDocument, { input: { entityId, subdomain: SUBDOMAIN } });
  const { id: productionAppId, url: appUrl } = created.createProductionApp.productionApp;
  return { productionAppId, entityId, appUrl };
}

async function pushExample(client: ApiClient, entityId: string, file: string): Promise<string> {
  const packed = await packProject(findExample(), file);
  const version = `${packed.version}-${packed.sha256.slice(0, 8)}`;
  const pushed = await pushPackage(client, packed, { entityId, version, setAsActive: true });
  const what = pushed.wasThere
    ? `Version ${pushed.version} is there already.`
    : `Pushed version ${pushed.version}, ${packed.bytes} bytes.`;
  console.log(colours.dim(what));
  return pushed.id;
}

/** Sources and compiled files lie at different depths below the package. */
function findExample(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'examples', 'hello'))) folder = dirname(folder);
  return join(folder, 'examples', 'hello');
}

/** Names below localhost resolve in browsers, but not in Node everywhere. */
function visit(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

function showPlaces({ url }: App, appUrl: string, token: string): void {
  console.log(`
  ${colours.bold('The app')}    ${appUrl}
  ${colours.bold('The page')}   ${url}
  ${colours.bold('GraphiQL')}   ${url}/graphql
  ${colours.bold('Token')}      ${token}

  ${colours.dim(`curl -H 'Authorization: Bearer ${token}' ${url}/api/deploys`)}`);
}
