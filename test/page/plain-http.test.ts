import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, pushVersion } from '../kit/seed.ts';

describe.runIf(hasBrowser)('the page from another machine, without TLS', () => {
  let plane: Plane;
  let browser: Browser;
  beforeAll(async () => {
    [plane, browser] = await Promise.all([
      startPlane(),
      openBrowser({ args: ['--no-sandbox', '--host-resolver-rules=MAP windlass.test 127.0.0.1'] }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  test('copies and deploys as everywhere, although browsers give such a page less', async () => {
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    await pushVersion(owner, app.entityId, appFiles('one'));
    await using window = await openWindow(browser, `http://windlass.test:${new URL(plane.url).port}`);
    const { page } = window;
    await signIn(page, owner.token, `/apps/${app.subdomain}/settings`);
    expect(await page.evaluate(() => isSecureContext)).toBe(false);

    await page.getByRole('button', { name: 'Copy the id of the app' }).click();
    await page.getByText('Copied').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Deploy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').press('ControlOrMeta+V');
    expect(await dialog.getByLabel('Reason').inputValue()).toBe(app.productionAppId);
    await dialog.getByRole('button', { name: 'Deploy' }).click();

    await page.getByRole('heading', { name: `${app.subdomain} #1` }).waitFor();
    await page.getByRole('main').locator('header').getByText('Completed', { exact: true }).waitFor();
    expect(window.complaints).toEqual([]);
  });
});
