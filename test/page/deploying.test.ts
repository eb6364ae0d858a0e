import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { packProject } from '../../src/cli/pack.ts';
import { hasBrowser, openBrowser, openWindow, signIn, type Window } from '../kit/browser.ts';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushArchive,
  pushVersion,
  trigger,
  untilPhase,
  untilStatus,
  type Member,
} from '../kit/seed.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';
import { until } from '../kit/until.ts';

describe.runIf(hasBrowser)('the page in a browser', () => {
  let plane: Plane;
  let browser: Browser;
  let owner: Member;
  beforeAll(async () => {
    [plane, browser] = await Promise.all([startPlane(), openBrowser()]);
    owner = await createOwner(plane);
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  async function signedIn(path?: string): Promise<Window> {
    const window = await openWindow(browser, plane.url);
    await signIn(window.page, owner.token, path);
    return window;
  }

  test('an unknown token is refused in words, and the right one opens what was asked for', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await page.goto('/deployments');
    await page.getByLabel('Token', { exact: true }).fill('wlt_unknown');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('This token is unknown, expired or revoked.').waitFor();
    // The browser itself writes down an answer of 401.
    expect(window.complaints.every((complaint) => complaint.includes('401'))).toBe(true);

    await page.getByLabel('Token', { exact: true }).fill(owner.token);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { name: 'Deployments', exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/deployments');
  });

  test('the pushed example is deployed by a click, watched live to its end, and served', async () => {
    const app = await createApp(owner);
    const packed = await packProject('examples/hello', join(plane.dataDir, 'hello.tar.gz'));
    await pushArchive(owner, app.entityId, readFileSync(packed.file));
    await using window = await signedIn();
    const { page } = window;

    await page.getByRole('article').filter({ hasText: app.subdomain }).getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('heading', { name: `${app.subdomain} #1` }).waitFor();
    await status(page, 'In progress').waitFor();
    await status(page, 'Completed').waitFor();

    for (const phase of await page.getByRole('region', { name: 'Phases' }).getByRole('listitem').all()) {
      expect(await phase.innerText()).toMatch(/\d s|skipped/);
    }
    expect(await page.getByRole('region', { name: 'Log lines' }).innerText()).toContain('cache');
    expect((await plane.visit(app.subdomain)).status).toBe(200);
    expect(window.complaints).toEqual([]);
  });

  test('a running build is cancelled, and the page shows it while it happens', async () => {
    using gate = createGate();
    const app = await createApp(owner);
    await deployFiles(plane, owner, app, appFiles('before'));
    await pushVersion(owner, app.entityId, appFiles('slow', { build: gate.command }));
    const id = await trigger(owner, app.productionAppId);
    await untilPhase(plane, id, 'build');
    await using window = await signedIn(`/deployments/${id}`);
    const { page } = window;

    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel' });
    await dialog.getByLabel('Reason').fill('not now');
    await dialog.getByRole('button', { name: 'Cancel', exact: true }).click();
    await status(page, 'Cancelled').waitFor();

    await page.getByText('not now').first().waitFor();
    expect((await plane.visit(app.subdomain)).body).toBe('before');
    expect(window.complaints).toEqual([]);
  });

  test('an older deployment is rolled back to, and its version serves again', async () => {
    const app = await createApp(owner);
    const first = await deployFiles(plane, owner, app, appFiles('one'));
    await deployFiles(plane, owner, app, appFiles('two'));
    await using window = await signedIn(`/deployments/${first}`);
    const { page } = window;

    await page.getByRole('button', { name: 'Roll back to this' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Roll back to this' }).click();
    await page.getByRole('heading', { name: `${app.subdomain} #3` }).waitFor();
    await status(page, 'Completed').waitFor();

    expect((await plane.visit(app.subdomain)).body).toBe('one');
    expect(window.complaints).toEqual([]);
  });

  test('an app goes back to what the API proposes, from the moment that there is something to go back to', async () => {
    const app = await createApp(owner);
    await deployFiles(plane, owner, app, appFiles('one'));
    await using window = await signedIn(`/apps/${app.subdomain}`);
    const { page } = window;
    const button = page.getByRole('button', { name: 'Roll back' });
    await page.getByRole('heading', { name: 'Live' }).waitFor();
    expect(await button.count()).toBe(0);

    await deployFiles(plane, owner, app, appFiles('two'));
    await button.click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('Back to').locator('option:checked').textContent()).toMatch(/^#1, version/);
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('heading', { name: `${app.subdomain} #3` }).waitFor();
    await status(page, 'Completed').waitFor();

    expect((await plane.visit(app.subdomain)).body).toBe('one');
    expect(window.complaints).toEqual([]);
  });

  test('variables that are changed and not saved are still there after a look at another view, and ask before they go', async () => {
    const app = await createApp(owner);
    await using window = await signedIn(`/apps/${app.subdomain}/environment`);
    const { page } = window;
    await page.getByRole('button', { name: 'Add a variable' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('REGION');
    await page.getByRole('dialog').getByLabel('Value').fill('north');
    await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();

    await page.getByRole('link', { name: 'Tokens' }).click();
    await page.getByRole('heading', { name: 'Tokens', level: 1 }).waitFor();
    const asked = page.waitForEvent('dialog');
    await page.evaluate(() => void setTimeout(() => location.reload()));
    await (await asked).dismiss();
    await page.goBack();
    await page.getByText('1 change is not saved.').waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).click();

    await page.getByText('Saved. The next deployment gets them.').waitFor();
    expect(await page.getByRole('row', { name: /REGION/ }).innerText()).toContain('secret');
    expect(window.complaints).toEqual([]);
  });

  test('a permalink shows its lines, also those far up in the log', async () => {
    const app = await createApp(owner);
    const build = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "step $i"; done';
    const id = await deployFiles(plane, owner, app, appFiles('chatty', { build }));
    const line = await plane.app.database.prisma.logLine.findFirstOrThrow({
      where: { deploymentId: id, message: 'step 700' },
    });
    await using window = await signedIn(`/deployments/${id}#L${line.seq}-L${line.seq + 1}`);
    const { page } = window;

    await page.getByText('step 700', { exact: true }).waitFor();
    const chosen = page.getByRole('region', { name: 'Log lines' });
    await until('the line is in view', async () => {
      const [outer, inner] = [await chosen.boundingBox(), await page.getByText('step 701').boundingBox()];
      return inner !== null && inner.y > outer!.y && inner.y < outer!.y + outer!.height;
    });
    expect(window.complaints).toEqual([]);
  });

  test('a failure shows the first line that complains, and leads to it', async () => {
    const app = await createApp(owner);
    const script = 'seq 300; echo "src/cart.ts:42: error: no such thing"; echo "and more"; exit 2';
    const files = { ...appFiles('broken', { build: 'sh build.sh' }), 'build.sh': script };
    const id = await deployFiles(plane, owner, app, files, 'failed');
    await using window = await signedIn(`/deployments/${id}`);
    const { page } = window;

    const banner = page.getByRole('region', { name: 'Failure' });
    await banner.getByText('src/cart.ts:42: error: no such thing').waitFor();
    await banner.getByRole('link', { name: 'Show it in the log of Build' }).click();

    const { seq } = await plane.app.database.prisma.logLine.findFirstOrThrow({
      where: { deploymentId: id, message: 'src/cart.ts:42: error: no such thing' },
    });
    expect(new URL(page.url()).hash).toBe(`#L${seq}`);
    const log = page.getByRole('region', { name: 'Log lines' });
    await log.getByText('src/cart.ts:42: error: no such thing').waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('over a lost connection the page says so, and afterwards shows what it missed, each line once', async () => {
    using gate = createGate();
    await using proxy = await startTcpProxy(Number(new URL(plane.url).port));
    const app = await createApp(owner);
    const build = `echo before; ${gate.command}; i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo "missed $i"; done`;
    await pushVersion(owner, app.entityId, appFiles('slow', { build }));
    const id = await trigger(owner, app.productionAppId);
    await untilPhase(plane, id, 'build');
    await using window = await openWindow(browser, `http://127.0.0.1:${proxy.port}`);
    const { page } = window;
    await signIn(page, owner.token, `/deployments/${id}`);
    await page.getByRole('region', { name: 'Log lines' }).getByText('before', { exact: true }).waitFor();
    const connection = page.getByRole('status').filter({ hasText: /^(Live|Reconnecting …|Polling)$/ });
    await connection.getByText('Live').waitFor();

    proxy.cut();
    await connection.getByText(/Reconnecting|Polling/).waitFor();
    gate.open();
    await untilStatus(plane, id, 'completed');
    proxy.heal();

    await status(page, 'Completed').waitFor();
    await connection.getByText('Live').waitFor();
    const lines = page.getByRole('region', { name: 'Log lines' });
    for (const line of ['missed 50', 'missed 49']) {
      await lines.getByText(line, { exact: true }).waitFor();
      expect(await lines.getByText(line, { exact: true }).count()).toBe(1);
    }
  });

  /** The badge of the view's own deployment. */
  function status(page: Page, word: string) {
    return page.getByRole('main').locator('header').getByText(word, { exact: true });
  }
});
