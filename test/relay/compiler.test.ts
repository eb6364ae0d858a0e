import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFolder } from '../kit/folder.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles } from '../kit/seed.ts';

const RELAY = createRequire(import.meta.url).resolve('relay-compiler/cli.js');

/** Copies a client's project and the schema into a folder, and compiles them there: nothing is written into the tree. */
function compileProject(folder: string, plant: { file: string; text: string; replacement: string } | null = null) {
  cpSync('test/relay/project', folder, { recursive: true });
  cpSync('schema.graphql', join(folder, 'schema.graphql'));
  writeFileSync(join(folder, 'documents.json'), '{}');
  if (plant) {
    const file = join(folder, plant.file);
    const before = readFileSync(file, 'utf8');
    expect(before).toContain(plant.text);
    writeFileSync(file, before.replace(plant.text, plant.replacement));
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [RELAY, 'relay.config.json'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: `${stdout}${stderr}` };
}

/** The text that Relay would send for each operation, by its name. */
function compiledDocuments(folder: string): Record<string, string> {
  const texts = Object.values<string>(JSON.parse(readFileSync(join(folder, 'documents.json'), 'utf8')));
  return Object.fromEntries(texts.map((text) => [/^\w+ (\w+)/.exec(text)![1]!, text]));
}

test('the Relay compiler takes the schema with connections, refetchable fragments, node, mutations and subscriptions', () => {
  using folder = createFolder();

  const { status, output } = compileProject(folder.path);

  expect(status, output).toBe(0);
  const operations = [
    ...['deploymentListCancelMutation', 'deploymentListPageQuery', 'deploymentListQuery'],
    ...['deploymentLogLinesSubscription', 'deploymentLogPageQuery', 'deploymentLogQuery'],
    ...['deploymentLogStateSubscription'],
    ...['productionAppDeployMutation', 'productionAppPageQuery', 'productionAppQuery'],
  ];
  expect(Object.keys(compiledDocuments(folder.path)).toSorted()).toEqual(operations);
  expect(readdirSync(join(folder.path, 'src/__generated__'))).toEqual(
    expect.arrayContaining(operations.map((name) => `${name}.graphql.ts`)),
  );
});

test.each([
  {
    fault: 'a document that asks for an unknown field',
    plant: { file: 'src/deployment-row.ts', text: 'errorMessage', replacement: 'errorText' },
    complaint: 'The type `Deployment` has no field `errorText`',
  },
  {
    fault: 'a schema whose pages do not say whether there are more',
    plant: { file: 'schema.graphql', text: 'hasNextPage: Boolean!', replacement: 'more: Boolean!' },
    complaint: "to expose a 'pageInfo { hasNextPage }' field",
  },
  {
    fault: 'a schema whose deployments are no nodes',
    plant: { file: 'schema.graphql', text: 'type Deployment implements Node', replacement: 'type Deployment' },
    complaint: "the type of this fragment ('Deployment') can never occur for parent type 'Node'",
  },
])('the Relay compiler refuses $fault', ({ plant, complaint }) => {
  using folder = createFolder();

  const { status, output } = compileProject(folder.path, plant);

  expect(status).not.toBe(0);
  expect(output).toContain(complaint);
});

test('what the Relay compiler makes of the documents pages through deployments and their logs', async () => {
  using folder = createFolder();
  expect(compileProject(folder.path).status).toBe(0);
  const documents = compiledDocuments(folder.path);
  await using plane = await startPlane();
  const owner = await createOwner(plane);
  const app = await createApp(owner);
  const earlier = await deployFiles(plane, owner, app, appFiles('one'));
  const later = await deployFiles(plane, owner, app, appFiles('two'));
  const run = async (name: string, variables: Record<string, unknown>) => {
    const { data, messages } = await graphql(plane, owner.token, documents[name]!, variables);
    expect(messages).toEqual([]);
    return data;
  };
  const ids = ({ edges }: { edges: { node: { id: string } }[] }) => edges.map(({ node }) => node.id);

  const list = await run('deploymentListQuery', {});
  const first = await run('productionAppPageQuery', { id: app.productionAppId, first: 1, after: null });
  const { endCursor: after } = first.node.deployments.pageInfo;
  const second = await run('productionAppPageQuery', { id: app.productionAppId, first: 1, after });
  const end = await run('deploymentLogQuery', { id: earlier });
  // Relay sends null for the direction that it does not go.
  const forward = { id: earlier, first: 2, after: null, last: null, before: null };
  const start = await run('deploymentLogPageQuery', forward);

  expect(ids(list.deployments)).toEqual([later, earlier]);
  expect([ids(first.node.deployments), ids(second.node.deployments)]).toEqual([[later], [earlier]]);
  expect(end.node.logs.pageInfo.hasNextPage).toBe(false);
  expect(start.node.logs.edges.map(({ node }: { node: { seq: number } }) => node.seq)).toEqual([1, 2]);
});
