import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { expectAccessible, hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, type Member } from '../kit/seed.ts';

const VIEWS = {
  apps: '/apps',
  'an app': '/apps/APP',
  'the deployments of an app': '/apps/APP/deployments',
  'the versions of an app': '/apps/APP/versions',
  'the environment of an app': '/apps/APP/environment',
  'the settings of an app': '/apps/APP/settings',
  'the runtime log of an app': '/apps/APP/log',
  'an app that does not exist': '/apps/none',
  deployments: '/deployments',
  'deployments that fit nothing': '/deployments?status=CANCELLED',
  'a completed deployment': '/deployments/COMPLETED',
  'a failed deployment': '/deployments/FAILED',
  'a deployment that does not exist': '/deployments/dep_none',
  activity: '/activity',
  members: '/members',
  roles: '/members/roles',
  invitations: '/members/invitations',
  tokens: '/tokens',
  system: '/system',
  'an invitation that does not exist': '/invitation#none',
  'a path that does not exist': '/apps/APP/none/none',
} as const;

describe.runIf(hasBrowser)('every view of the page', () => {
  let plane: Plane;
  let browser: Browser;
  let owner: Member;
  const seeded: Record<string, string> = {};
  beforeAll(async () => {
    [plane, browser] = await Promise.all([startPlane(), openBrowser()]);
    owner = await createOwner(plane);
    const app = await createApp(owner);
    seeded['APP'] = app.subdomain;
    seeded['COMPLETED'] = await deployFiles(plane, owner, app, appFiles('one'));
    seeded['FAILED'] = await deployFiles(plane, owner, app, appFiles('bad', { build: 'echo no; exit 3' }), 'failed');
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  const pathOf = (view: keyof typeof VIEWS) => VIEWS[view].replace(/APP|COMPLETED|FAILED/, (name) => seeded[name]!);

  test.each(['light', 'dark'] as const)(
    'has a title and passes all rules of axe, with nothing to complain of: %s',
    async (theme) => {
      await using window = await openWindow(browser, plane.url, { theme });
      const { page } = window;
      await page.goto('/');
      await expectAccessible(page);
      await signIn(page, owner.token);
      for (const view of Object.keys(VIEWS) as (keyof typeof VIEWS)[]) {
        await page.goto(pathOf(view));
        await untilLoaded(page);
        await expectAccessible(page, view);
        expect([view, await page.title()]).toEqual([view, expect.stringMatching(/^.+ · Windlass$/)]);
      }
      expect(window.complaints).toEqual([]);
    },
  );

  test('fits on a screen of 390 px without scrolling sideways', async () => {
    await using window = await openWindow(browser, plane.url, { width: 390 });
    const { page } = window;
    await signIn(page, owner.token);
    for (const view of Object.keys(VIEWS) as (keyof typeof VIEWS)[]) {
      await page.goto(pathOf(view));
      await untilLoaded(page);
      expect([view, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([view, 390]);
    }
  });
});

async function untilLoaded(page: Page): Promise<void> {
  await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
  await page.getByText('Loading …').first().waitFor({ state: 'detached' });
}
