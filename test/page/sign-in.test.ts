import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../src/domain/ids.ts';
import { expectAccessible, hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { openOpenIdProvider, type OpenIdProvider } from '../kit/openid-provider.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createOwner } from '../kit/seed.ts';

describe.runIf(hasBrowser)('signing in with an issuer', () => {
  let provider: OpenIdProvider;
  let plane: Plane;
  let browser: Browser;
  let token: string;
  beforeAll(async () => {
    [provider, browser] = await Promise.all([openOpenIdProvider(), openBrowser()]);
    const userId = createId('User');
    const acme = provider.identityIssuer(userId);
    const away = { ...acme, issuer: 'http://127.0.0.1:1', signIn: { ...acme.signIn!, name: 'Away' } };
    plane = await startPlane({ roles: ['api'], identityIssuers: [acme, away] });
    provider.serve(`${plane.url}/sign-in/callback`);
    const owner = await createOwner(plane);
    token = owner.token;
    const { prisma } = plane.app.database;
    const { organizationId, roleId } = await prisma.membership.findFirstOrThrow({ where: { userId: owner.userId } });
    await prisma.user.create({ data: { id: userId, name: 'Ada of Acme' } });
    await prisma.membership.create({ data: { userId, organizationId, roleId } });
  });
  beforeEach(() => {
    provider.person = 'ada';
    provider.tokenSeconds = 300;
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
  });

  const button = (page: Page, name = 'Acme') => page.getByRole('button', { name: `Sign in with ${name}` });
  const kept = (page: Page) => page.evaluate(() => JSON.stringify(sessionStorage));
  /** Begins a sign-in that the issuer does not end. */
  async function leaveForNowhere(page: Page): Promise<void> {
    const everything = `${provider.issuer}/**`;
    await page.route(everything, (route) => route.fulfill({ contentType: 'text/html', body: 'Nowhere' }));
    await button(page).click();
    await page.getByText('Nowhere', { exact: true }).waitFor();
    await page.unroute(everything);
  }
  const WANTED = '/deployments?status=FAILED#there';

  test('leads to where the user wanted to go, live, and leaves no code behind', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    const visited: string[] = [];
    page.on('framenavigated', (frame) => visited.push(frame.url()));
    await page.goto(WANTED);

    await button(page).click();
    await page.getByText('Ada of Acme').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();

    expect(page.url()).toBe(plane.url + WANTED);
    expect(visited.filter((url) => url.includes('code='))).toHaveLength(1);
    expect(await kept(page)).not.toMatch(/codeVerifier|nonce/);
    await page.goBack();
    expect(page.url()).not.toContain('code=');
    // Going to the issuer is a navigation: the page itself asks this server alone.
    expect(window.complaints.filter((complaint) => !complaint.startsWith(`asked ${provider.issuer}/`))).toEqual([]);
  });

  test('lasts over a reload, says when it ends, and goes on at the same place', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    // Long enough to sign in and to load the page twice.
    provider.tokenSeconds = 25;
    await page.goto(WANTED);
    await button(page).click();
    await page.getByText('Ada of Acme').waitFor();
    await page.reload();
    await page.getByText('Ada of Acme').waitFor();

    await page.getByText('Your sign-in with Acme has ended. Sign in again to go on here.').waitFor();
    provider.tokenSeconds = 300;
    await button(page).click();
    await page.getByText('Ada of Acme').waitFor();

    expect(page.url()).toBe(plane.url + WANTED);
  });

  test('does not end with the sign-in of somebody else whose link one follows', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await page.goto('/');
    await leaveForNowhere(page);

    await page.goto('/sign-in/callback?code=of-somebody-else&state=of-somebody-else');
    await page.getByText('This sign-in was not begun in this tab, or is over.').waitFor();
    expect(page.url()).toBe(`${plane.url}/`);

    await signIn(page, token);
    await page.goto('/sign-in/callback?code=of-somebody-else&state=of-somebody-else');
    await page.getByText('Ada', { exact: true }).waitFor();
    expect(page.url()).toBe(`${plane.url}/apps`);
  });

  test('says who is not known here, and which issuer is away, and leaves the token to sign in with', async () => {
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    provider.person = 'eve';
    await page.goto('/apps');
    await button(page).click();
    await page.getByText('Nobody here is known as eve@example.com of Acme.').waitFor();
    expect(page.url()).toBe(`${plane.url}/apps`);

    await button(page, 'Away').click();
    await page.getByText('Away cannot be asked now.').waitFor();
    await signIn(page, token, page.url());
  });

  test('is asked for again where the issuer would send the user to another address', async () => {
    const url = plane.url.replace('127.0.0.1', 'localhost');
    await using window = await openWindow(browser, url);
    const { page } = window;
    await page.goto('/');

    await button(page).click();

    await page.getByText(`Acme sends people to ${plane.url}. Open this page there.`).waitFor();
  });

  test('can be begun again by who goes back from the issuer to the page as it was left', async () => {
    await using keeping = await openBrowser({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    await using window = await openWindow(keeping, plane.url);
    const { page } = window;
    await page.goto('/apps');
    await leaveForNowhere(page);

    // What is shown as it was left is not loaded, which `goBack` waits for.
    await page.evaluate(() => void setTimeout(() => history.back()));
    await button(page).click();

    await page.getByText('Ada of Acme').waitFor();
  });

  test.each(['light', 'dark'] as const)('passes all rules of axe: %s', async (theme) => {
    await using window = await openWindow(browser, plane.url, { theme });
    const { page } = window;
    await page.goto('/sign-in/callback?error=access_denied');
    await button(page).waitFor();
    await expectAccessible(page);
  });
});
