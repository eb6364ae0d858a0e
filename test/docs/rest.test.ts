import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CreateEntityDocument } from '../../src/generated/gql/graphql.ts';
import { ROUTES } from '../../src/http/rest.ts';
import { createShell, expected, inThisRun, readExamples, type Example, type Known, type Ran } from '../kit/examples.ts';
import { createAnswerCheck } from '../kit/openapi.ts';
import { createFolder } from '../kit/folder.ts';
import { createGate, type Gate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  makePackage,
  pushVersion,
  trigger,
  untilPhase,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

const DOCUMENT = readFileSync('docs/rest.md', 'utf8');
/** The tests need nothing but Node. CI has both, and runs these. */
const HAS_CURL = ['bash', 'curl'].every((command) => spawnSync(command, ['--version']).status === 0);
const ENTITY_ID = 'ent_01m85epdbqfztba03a503ry4ss';

describe.runIf(HAS_CURL)('docs/rest.md', () => {
  const folder = createFolder();
  const known: Known = new Map();
  const called: Ran[] = [];
  let plane: Plane;
  let run: (command: string) => Promise<Ran>;
  let busy: { owner: Member; app: SeededApp };
  let gate: Gate | null = null;

  beforeAll(async () => {
    plane = await startPlane({ workers: 1 });
    const owner = await createOwner(plane);
    busy = { owner, app: await createApp(owner) };
    await occupyWorker();

    const { organizationId } = owner;
    const input = { organizationId, name: 'Shop', slug: 'shop' };
    known.set(ENTITY_ID, (await owner.client.request(CreateEntityDocument, { input })).createEntity.entity.id);
    writeFileSync(join(folder.path, 'app.tar.gz'), await makePackage(appFiles('one')));
    run = createShell(folder.path, { URL: plane.url, TOKEN: owner.token });
  });
  afterAll(async () => {
    releaseWorker();
    await plane[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** While the only worker is busy, the document's deployments wait as it shows. */
  async function occupyWorker(): Promise<void> {
    gate = createGate();
    const { owner, app } = busy;
    const versionId = await pushVersion(owner, app.entityId, appFiles('busy', { build: gate.command }));
    await untilPhase(plane, await trigger(owner, app.productionAppId, versionId), 'build');
  }

  function releaseWorker(): void {
    gate?.open();
    gate = null;
  }

  const here = (text: string) =>
    text.replaceAll('http://127.0.0.1:4000', plane.url).replaceAll('localhost:8080', `localhost:${plane.gatewayPort}`);

  /** Compares what an example shows with what came, and remembers the ids, times and hashes of this run. */
  function compare({ shown }: Example, { answer }: Ran): void {
    const learned: Known = new Map(known);
    const wanted = expected(JSON.parse(here(JSON.stringify(shown))), answer, learned);
    const named = Object.entries(answer.headers).filter(([name]) => name in shown.headers);
    expect({ ...answer, headers: Object.fromEntries(named) }).toEqual(wanted);
    for (const [part, value] of learned) known.set(part, value);
  }

  /** Runs an example; a reading one again and again, until the answer is what is shown. */
  async function runExample(example: Example): Promise<void> {
    const deadline = Date.now() + 45_000;
    for (;;) {
      const ran = await run(inThisRun(here(example.command), known));
      called.push(ran);
      try {
        return compare(example, ran);
      } catch (difference) {
        if (ran.method !== 'GET' || Date.now() > deadline) throw difference;
        await delay(50);
      }
    }
  }

  test.each(readExamples(DOCUMENT).map((example, index) => ({ ...example, number: index + 1 })))(
    'curl $number of docs/rest.md answers what is shown beneath it: $heading',
    async (example) => {
      if (/\/(retry|redeploy|rollback)"/.test(example.command)) await occupyWorker();
      await runExample(example);
      if (/\/(cancel|retry|redeploy)"/.test(example.command)) releaseWorker();
    },
  );

  test('every answer, also a refusal, is as the OpenAPI description has it', () => {
    const check = createAnswerCheck();
    const described = called.filter(({ path }) => !path.startsWith('/api/uploads/'));

    expect(described.length).toBeGreaterThan(ROUTES.length);
    for (const { method, path, answer } of described) {
      const mediaType = answer.headers['content-type']?.split(';')[0] ?? null;
      check(method, path, { status: Number(answer.status.split(' ')[1]), mediaType, body: answer.body });
    }
  });

  test('docs/rest.md has a curl for every call', () => {
    const calls = [
      ...ROUTES.map(({ method, path }) => `${method} ${path}`),
      ...['PUT /api/uploads/{id}/{secret}', 'GET /livez', 'GET /readyz'],
    ];
    const pattern = (call: string) => new RegExp(`^${call.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    const made = called
      .filter(({ answer }) => / 2\d\d /.test(answer.status))
      .map(({ method, path }) => `${method} ${path}`);

    expect(calls.filter((call) => !made.some((one) => pattern(call).test(one)))).toEqual([]);
  });
});
