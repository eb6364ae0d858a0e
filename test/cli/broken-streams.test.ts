import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCaller } from '../kit/caller.ts';
import { startFaultProxy } from '../kit/fault-proxy.ts';
import { createGate } from '../kit/gate.ts';
import { startHttpProxy, type Exchange } from '../kit/http-proxy.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** A proxy before the API that does with streams what its test says. */
function startProxy(onStream: (exchange: Exchange) => void) {
  return startHttpProxy(plane.url, (exchange) =>
    exchange.request.headers.accept === 'text/event-stream' ? onStream(exchange) : exchange.relay(),
  );
}

const STORY = /● orchestrate\n[^]*● build\n[^]* {2}one\n {2}two\n[^]*✔ build[^]*✔ cache_invalidation/;

test('where no stream gets through, the log is asked for, and the verdict is the same', async () => {
  await using proxy = await startProxy(({ response, answer }) => {
    answer.destroy();
    response.writeHead(404).end('<html>no streams here</html>');
  });
  const app = await createApp(owner);
  using caller = createCaller(proxy, owner, appFiles('one', { build: 'echo one; echo two' }));

  const { code, stderr } = await caller.run(['deploy', app.subdomain]);

  expect(code, stderr).toBe(0);
  expect(stderr).toContain('Asking for it every 2 seconds.');
  expect(stderr).toMatch(STORY);
});

test('a stream that says "completed" of a deployment that has failed is not believed', async () => {
  await using proxy = await startProxy(({ response, answer }) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.on('data', (chunk: Buffer) => response.write(chunk.toString().replaceAll('FAILED', 'COMPLETED')));
    answer.on('end', () => response.end());
  });
  const app = await createApp(owner);
  using caller = createCaller(proxy, owner, appFiles('one', { build: 'exit 1' }));

  const { code, stderr } = await caller.run(['deploy', app.subdomain]);

  expect(code, stderr).toBe(1);
  expect(stderr).toContain('failed in build');
});

test('connections that break on the way lose no line and repeat none', async () => {
  using gate = createGate();
  await using proxy = await startFaultProxy({ targets: [plane.url] });
  const app = await createApp(owner);
  const build = ['echo one', gate.command, 'echo two'];
  using caller = createCaller(proxy, owner, appFiles('one', { build }));
  // The upload goes to where the server says, and not through the proxy.
  const deploying = caller.start(['deploy', app.subdomain]);
  await deploying.untilOutput(/^ {2}one$/m);

  proxy.cutAll();
  await deploying.untilOutput(/Connecting again/);
  gate.open();
  const { code, stderr } = await deploying.ended();

  expect(code, stderr).toBe(0);
  for (const line of ['one', 'two']) expect(stderr.split('\n').filter((text) => text === `  ${line}`)).toHaveLength(1);
  expect(stderr).toMatch(/✔ build[^]*✔ cache_invalidation/);
});
