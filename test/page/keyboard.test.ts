import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Locator, Page } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn, type Window } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, type Member, type SeededApp } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

describe.runIf(hasBrowser)('the page by keyboard', () => {
  let plane: Plane;
  let browser: Browser;
  let owner: Member;
  let app: SeededApp;
  let failedId: string;
  beforeAll(async () => {
    [plane, browser] = await Promise.all([startPlane(), openBrowser()]);
    owner = await createOwner(plane);
    app = await createApp(owner);
    await deployFiles(plane, owner, app, appFiles('one'));
    failedId = await deployFiles(plane, owner, app, appFiles('bad', { build: 'echo no; exit 3' }), 'failed');
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  async function signedIn(path: string, width?: number): Promise<Window> {
    const window = await openWindow(browser, plane.url, { width });
    await signIn(window.page, owner.token, path);
    return window;
  }

  test.each(['Escape', 'Close', 'Leave it'])('a dialog that is left by %s gives the focus back', async (way) => {
    await using window = await signedIn(`/apps/${app.subdomain}`);
    const { page } = window;
    const opener = page.getByRole('main').getByRole('button', { name: 'Deploy', exact: true }).first();

    await opener.press('Enter');
    const dialog = page.getByRole('dialog');
    await untilFocused(dialog.getByLabel('Version'));
    if (way === 'Escape') await page.keyboard.press(way);
    else await dialog.getByRole('button', { name: way }).press('Enter');
    await dialog.waitFor({ state: 'detached' });

    await untilFocused(opener);
    expect(window.complaints).toEqual([]);
  });

  test('a text that is marked in a dialog and let go beside it does not close the dialog', async () => {
    await using window = await signedIn(`/apps/${app.subdomain}`);
    const { page } = window;
    await page.getByRole('main').getByRole('button', { name: 'Deploy', exact: true }).first().click();
    const reason = page.getByRole('dialog').getByLabel('Reason');
    await reason.fill('a long story');
    const { x, y, height } = (await reason.boundingBox())!;

    await page.mouse.move(x + 60, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    expect(await reason.inputValue()).toBe('a long story');

    await page.mouse.click(5, 5);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('a filter that is cleared keeps the focus, and what is removed leaves it to what is around', async () => {
    await using window = await signedIn('/deployments?status=COMPLETED');
    const { page } = window;
    const clear = page.getByRole('button', { name: 'Clear' });
    await clear.press('Enter');
    await page.waitForURL('**/deployments');
    await untilFocused(clear);

    await page.goto('/deployments?status=CANCELLED');
    await page.getByRole('button', { name: 'Show all' }).press('Enter');
    await page.getByRole('table').waitFor();
    await untilFocused(page.getByRole('main'));
  });

  test('on a small screen, Escape closes the menu and gives the focus back', async () => {
    await using window = await signedIn('/apps', 390);
    const { page } = window;
    const toggle = page.getByRole('button', { name: 'Menu' });

    await toggle.press('Enter');
    await page.getByRole('link', { name: 'Members' }).focus();
    await page.keyboard.press('Escape');

    await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'hidden' });
    await untilFocused(toggle);
  });

  test('on a small screen, the link of a failure shows its first error and gives the log the focus', async () => {
    await using window = await signedIn(`/deployments/${failedId}`, 390);
    const { page } = window;
    const lines = page.getByRole('region', { name: 'Log lines' });
    await lines.waitFor();
    expect(await isInView(page, lines)).toBe(false);

    await page.getByRole('link', { name: /Show it in the log/ }).press('Enter');

    await untilFocused(lines);
    await until('the log is in view', () => isInView(page, lines));
  });

  test('the link of a phase leads to its log, whatever hides it, and skipping to the content stays there', async () => {
    await using window = await signedIn(`/deployments/${failedId}?phase=orchestrate&level=error`);
    const { page } = window;
    const lines = page.getByRole('region', { name: 'Log lines' });
    await page.getByText('No line is like this').waitFor();

    await page.getByRole('link', { name: 'Build: show its log' }).press('Enter');
    await lines.getByRole('button', { name: /Build/ }).waitFor();
    await untilFocused(lines);
    expect(page.url()).toBe(`${plane.url}/deployments/${failedId}#build`);

    await page.getByRole('link', { name: 'Skip to the content' }).press('Enter');
    await untilFocused(page.getByRole('main'));
    expect(page.url()).toBe(`${plane.url}/deployments/${failedId}#build`);
  });
});

async function untilFocused(element: Locator): Promise<void> {
  await until(`${String(element)} has the focus`, () => element.evaluate((node) => node === document.activeElement));
}

async function isInView(page: Page, element: Locator): Promise<boolean> {
  const { y, height } = (await element.boundingBox())!;
  return y < page.viewportSize()!.height - Math.min(height, 300);
}
