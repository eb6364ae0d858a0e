import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';

describe.runIf(hasBrowser)('a view that cannot be shown', () => {
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

  const go = (page: Page, place: string) =>
    page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place }).click();
  const alert = (page: Page) => page.getByRole('main').getByRole('alert');
  const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor();

  test('says so when the server does not answer, and is there when it is tried again', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, '/tokens');
    await heading(page, 'Tokens');
    // A connection on which nothing comes.
    await page.route('**/graphql', () => {});

    await go(page, 'Members');
    await alert(page).getByText('The server does not answer.').waitFor();
    await page.unroute('**/graphql');
    await alert(page).getByRole('button', { name: 'Try again' }).click();

    await page.getByRole('cell', { name: 'Ada' }).first().waitFor();
  });

  test('says so when its code cannot be loaded, with a way to load the page anew', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, '/tokens');
    await page.route('**/members-view-*.js', (route) => route.abort());

    await go(page, 'Members');
    await alert(page).getByText('This part of the page cannot be loaded').waitFor();
    await page.unroute('**/members-view-*.js');
    await alert(page).getByRole('button', { name: 'Try again' }).click();

    await heading(page, 'Members');
  });

  test('takes nothing with it of what is around when it throws', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, '/tokens');
    const body = "export const MembersView = () => { throw new Error('broken on purpose'); };";
    await page.route('**/members-view-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body }));

    await go(page, 'Members');
    await alert(page).getByText('This is a fault of the page.').waitFor();
    await go(page, 'System');

    await heading(page, 'System');
    expect(window.complaints.join('\n')).toContain('broken on purpose');
  });
});
