import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { PhaseFailure } from '../../src/domain/errors.ts';
import { purgeCdn, type Cdn } from '../../src/targets/cdn.ts';
import type { Purge } from '../../src/targets/target.ts';
import { createFolder } from '../kit/folder.ts';
import { startServer } from '../kit/gateway.ts';
import { send, startPlane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const NOTHING: Purge = { paths: [], surrogateKeys: [] };

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly keys: unknown;
  readonly body: string;
}

/** A cache or webhook that writes down what it is told, and answers with one status after the other. */
async function startListener(statuses: readonly number[] = []) {
  const heard: Heard[] = [];
  const server = await startServer((request: IncomingMessage, response: ServerResponse) => {
    void text(request).then((body) => {
      const { host = '', 'surrogate-key': keys } = request.headers;
      heard.push({ method: request.method!, url: request.url!, host, keys, body });
      response.writeHead(statuses[heard.length - 1] ?? 200).end();
    });
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { heard, url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function purge(cdn: Partial<Cdn>, what: Purge, signal: AbortSignal = new AbortController().signal) {
  const lines: string[] = [];
  const context = {
    claim: { deploymentId: 'dep_1', run: 1 },
    signal,
    log: (message: string) => void lines.push(message),
  };
  const app = { id: 'app_1', host: 'shop.example.com' };
  const done = purgeCdn({ purgeUrl: null, purgeWebhook: null, ...cdn }, app, what, context);
  return { lines, done };
}

test('without a CDN nothing is sent and nothing is said', async () => {
  const { done, lines } = purge({}, NOTHING);

  await done;
  expect(lines).toEqual([]);
});

test('each path gets a PURGE below the base URL, with the host of the app; keys get one of their own', async () => {
  await using cache = await startListener();

  const { done, lines } = purge(
    { purgeUrl: `${cache.url}/base/` },
    { paths: ['/', '/news?page=2'], surrogateKeys: ['news', 'post-1'] },
  );
  await done;

  const about = { method: 'PURGE', host: 'shop.example.com', body: '' };
  expect(cache.heard).toEqual([
    { ...about, url: '/base/', keys: undefined },
    { ...about, url: '/base/news?page=2', keys: undefined },
    { ...about, url: '/base/*', keys: 'news post-1' },
  ]);
  expect(lines).toEqual(['Sent 3 PURGE requests to the CDN.']);
});

test('without a path and without a key, everything of the host is purged', async () => {
  await using cache = await startListener();

  await purge({ purgeUrl: cache.url }, NOTHING).done;

  expect(cache.heard.map(({ method, url }) => [method, url])).toEqual([['PURGE', '/*']]);
});

test('the webhook gets what was deployed where, and what became old', async () => {
  await using hook = await startListener([204]);

  await purge({ purgeWebhook: `${hook.url}/purge?key=1` }, { paths: ['/'], surrogateKeys: ['news'] }).done;

  const [{ method, url, body }] = hook.heard as [Heard];
  expect([method, url, JSON.parse(body)]).toEqual([
    'POST',
    '/purge?key=1',
    { app: 'app_1', host: 'shop.example.com', paths: ['/'], surrogateKeys: ['news'], deploymentId: 'dep_1' },
  ]);
});

test('what fails is tried again, and passes when it is taken the third time', async () => {
  await using hook = await startListener([500, 302, 200]);

  const { done, lines } = purge({ purgeWebhook: hook.url }, NOTHING);
  await done;

  expect(hook.heard.length).toBe(3);
  expect(lines).toEqual([
    'The webhook of the CDN could not be told to purge: it answered 500. Trying again.',
    'The webhook of the CDN could not be told to purge: it answered 302. Trying again.',
    'Told the webhook of the CDN.',
  ]);
});

test('what fails three times is PURGE_FAILED, retryable, and does not tell the address', async () => {
  await using hook = await startListener([500, 500, 500, 200]);
  const closed = 'http://127.0.0.1:1/?key=hunter2';

  const failures = await Promise.all(
    [hook.url, closed].map((purgeWebhook) => purge({ purgeWebhook }, NOTHING).done.catch((error: unknown) => error)),
  );

  expect(failures).toEqual([expect.any(PhaseFailure), expect.any(PhaseFailure)]);
  expect(failures.map((failure) => (failure as PhaseFailure).message)).toEqual([
    'The webhook of the CDN could not be told to purge: it answered 500.',
    'The webhook of the CDN could not be told to purge: nothing listens there.',
  ]);
  expect(failures[0]).toMatchObject({ code: 'PURGE_FAILED', retryable: true });
  expect(hook.heard.length).toBe(3);
});

test('a cancel ends the waiting for another try', async () => {
  await using hook = await startListener([500, 500, 500]);
  const cancel = new AbortController();

  const { done, lines } = purge({ purgeWebhook: hook.url }, NOTHING, cancel.signal);
  done.catch(() => {}); // Looked at below.
  await until('the first try has failed', () => lines.length === 1);
  cancel.abort(new Error('cancelled'));

  await expect(done).rejects.toThrow(/cancelled|aborted/);
  expect(hook.heard.length).toBe(1);
});

test('a deployment tells the CDN what its manifest names, and fails when the CDN does not listen', async () => {
  await using cache = await startListener([200, 200, 500, 500, 500]);
  await using plane = await startPlane({ cdnPurgeUrl: new Secret(cache.url) });
  const owner = await createOwner(plane);
  const app = await createApp(owner);
  const names = { purge: ['/news'], surrogateKeys: ['news'] };

  await deployFiles(plane, owner, app, appFiles('one', names));
  const id = await deployFiles(plane, owner, app, appFiles('two', names), 'failed');

  const host = `${app.subdomain}.localhost`;
  expect(cache.heard.slice(0, 2)).toEqual([
    { method: 'PURGE', url: '/news', host, keys: undefined, body: '' },
    { method: 'PURGE', url: '/*', host, keys: 'news', body: '' },
  ]);
  const { failure } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'PURGE_FAILED', phase: 'cache_invalidation', retryable: true });
  expect((await plane.visit(app.subdomain)).body).toBe('one');
});

/** The configuration that docs/gateway.md shows, before one server. */
function documentedVcl(port: number): string {
  const [, vcl] = /```vcl\n([^]*?)```/.exec(readFileSync('docs/gateway.md', 'utf8'))!;
  return vcl!.replace('"8080"', `"${port}"`);
}

const hasVarnish = spawnSync('varnishd', ['-V']).error === undefined;

test.skipIf(!hasVarnish)(
  'Varnish forgets a path with its queries, and everything of one host, when a deployment says so',
  async () => {
    let version = 1;
    await using origin = await startServer((_request, response) => {
      response.writeHead(200, { 'cache-control': 'public, max-age=600' });
      response.end(`v${version}`);
    });
    using folder = createFolder();
    writeFileSync(join(folder.path, 'default.vcl'), documentedVcl(origin.port));
    const port = await freePort();
    const varnish = spawn(
      'varnishd',
      // Without a jail: it would change to a user that cannot read the folder.
      [
        '-F',
        '-j',
        'none',
        '-n',
        folder.path,
        '-a',
        `127.0.0.1:${port}`,
        '-f',
        join(folder.path, 'default.vcl'),
        '-s',
        'default,16m',
      ],
      { stdio: 'ignore' },
    );
    const exited = new Promise((resolve) => varnish.once('exit', resolve));
    const visit = async (host: string, path: string) => {
      const answer = await send('GET', `http://127.0.0.1:${port}${path}`, { headers: { host } });
      return answer.body;
    };
    try {
      const [shop, blog] = ['shop.example.com', 'blog.example.com'];
      await until('Varnish answers', () => visit(shop, '/').catch(() => null));
      for (const host of [shop, blog])
        for (const path of ['/', '/news', '/news?page=2', '/newsletter']) await visit(host, path);
      version = 2;
      expect(await visit(shop, '/')).toBe('v1');

      await purge({ purgeUrl: `http://127.0.0.1:${port}` }, { paths: ['/news'], surrogateKeys: [] }).done;
      expect([await visit(shop, '/news'), await visit(shop, '/news?page=2')]).toEqual(['v2', 'v2']);
      expect([await visit(shop, '/'), await visit(shop, '/newsletter')]).toEqual(['v1', 'v1']);
      await purge({ purgeUrl: `http://127.0.0.1:${port}` }, NOTHING).done;

      expect([await visit(shop, '/'), await visit(blog, '/')]).toEqual(['v2', 'v1']);
    } finally {
      varnish.kill();
      await exited;
    }
  },
);

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
