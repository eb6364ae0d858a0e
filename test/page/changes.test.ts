import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn, type Window } from '../kit/browser.ts';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, pushVersion, trigger, type Member } from '../kit/seed.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';

describe.runIf(hasBrowser)('what is shown while things change', () => {
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

  async function signedIn(path: string, url = plane.url): Promise<Window> {
    const window = await openWindow(browser, url);
    await signIn(window.page, owner.token, path);
    return window;
  }

  async function addVariable(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: 'Add a variable' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(name);
    await page.getByRole('dialog').getByLabel('Value').fill('a value');
    await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  }

  test('stays, with what is not saved, when the server goes away', async () => {
    const app = await createApp(owner);
    const proxy = await startTcpProxy(Number(new URL(plane.url).port));
    await using window = await signedIn(`/apps/${app.subdomain}/environment`, `http://127.0.0.1:${proxy.port}`);
    const { page } = window;
    await addVariable(page, 'REGION');
    const badge = page.getByRole('status').filter({ hasText: /^(Live|Reconnecting …|Polling)$/ });
    await badge.getByText('Live').waitFor();

    const failed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/graphql'));
    await proxy[Symbol.asyncDispose]();
    await badge.getByText('Polling').waitFor();
    await failed;

    await page.getByText('1 change is not saved.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('a variable that is added while others are being saved is not lost', async () => {
    const app = await createApp(owner);
    await using window = await signedIn(`/apps/${app.subdomain}/environment`);
    const { page } = window;
    await addVariable(page, 'FIRST');
    let goOn = () => {};
    const isHeld = new Promise<void>((resolve) => (goOn = resolve));
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('PageSaveEnvironment')) await isHeld;
      await route.continue();
    });

    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await addVariable(page, 'SECOND');
    goOn();

    await page.getByText('1 change is not saved.').waitFor();
    expect(await page.getByRole('row', { name: /SECOND/ }).innerText()).toContain('not saved');
    expect(await page.getByRole('row', { name: /FIRST/ }).innerText()).not.toContain('not saved');
    expect(window.complaints).toEqual([]);
  });

  test('a search is carried out while a build prints on and on', async () => {
    using gate = createGate();
    const app = await createApp(owner);
    const loop = gate.command.replace('sleep 0.05', 'echo tick; sleep 0.02');
    await pushVersion(owner, app.entityId, appFiles('chatty', { build: `echo needle; ${loop}` }));
    const id = await trigger(owner, app.productionAppId);
    await using window = await signedIn(`/deployments/${id}`);
    const { page } = window;
    await page.getByRole('region', { name: 'Log lines' }).getByText('tick').first().waitFor();

    await page.getByRole('textbox', { name: 'Search the log' }).fill('needle');

    await page
      .getByRole('search', { name: 'Search the log' })
      .getByText(/of \d+\+?$/)
      .waitFor();
  });

  test('a deployment that was live says so until another one takes its place, and offers to go back to it then', async () => {
    const app = await createApp(owner);
    const id = await deployFiles(plane, owner, app, appFiles('one'));
    await using window = await signedIn(`/deployments/${id}`);
    const { page } = window;
    await page
      .getByRole('link', { name: /Live at/ })
      .or(page.getByText(/Live at/))
      .first()
      .waitFor();

    await deployFiles(plane, owner, app, appFiles('two'));

    await page.getByRole('button', { name: /Roll back/ }).waitFor();
    await page.getByText(/Live at/).waitFor({ state: 'detached' });
    expect(window.complaints).toEqual([]);
  });

  test('a list that is shown page after page keeps its rows when there are new ones at its top', async () => {
    const member = await createOwner(plane);
    const make = (name: string) =>
      member.client.send(`mutation { createApiToken(input: { name: "${name}" }) { token { id } } }`, {});
    for (let number = 1; number <= 40; number += 1) await make(`token-${String(number).padStart(2, '0')}`);
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, member.token, '/tokens');
    const rows = page.getByRole('row', { name: /token-\d\d/ });
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByRole('row', { name: /token-01/ }).waitFor();
    expect(await rows.count()).toBe(40);

    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('token-41');
    await page.getByRole('dialog').getByRole('button', { name: 'Make the token' }).click();
    await page.getByRole('row', { name: /token-41/ }).waitFor({ state: 'attached' });

    await expect.poll(() => page.locator('tr', { hasText: /token-\d\d/ }).count(), { timeout: 10_000 }).toBe(41);
  });
});
