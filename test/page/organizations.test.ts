import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles } from '../kit/seed.ts';

describe.runIf(hasBrowser)('the page for a member of two organizations', () => {
  let plane: Plane;
  let browser: Browser;
  beforeAll(async () => {
    [plane, browser] = await Promise.all([startPlane(), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  /** A member of two, of the second of which there is an app. */
  async function createMemberOfTwo() {
    const [owner, other] = [await createOwner(plane), await createOwner(plane)];
    const { prisma } = plane.app.database;
    const { organizationId, roleId, organization } = await prisma.membership.findFirstOrThrow({
      where: { userId: other.userId },
      include: { organization: true },
    });
    await prisma.membership.create({ data: { userId: owner.userId, organizationId, roleId } });
    return { owner, second: { slug: organization.slug, member: other, app: await createApp(other) } };
  }

  test('keeps the chosen one from place to place, over a reload and on the way back', async () => {
    const { owner, second } = await createMemberOfTwo();
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, '/apps');
    const choice = page.getByRole('combobox', { name: 'Organization' });

    await choice.selectOption(second.slug);
    await page.getByText(second.app.subdomain).first().waitFor();
    for (const place of ['Deployments', 'Activity', 'Members', 'Apps']) {
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place }).click();
      await page.getByRole('heading', { level: 1, name: place }).waitFor();
      expect([place, await choice.inputValue()]).toEqual([place, second.slug]);
    }
    await page.reload();
    await page.getByText(second.app.subdomain).first().waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Members' }).waitFor();

    expect(await choice.inputValue()).toBe(second.slug);
    expect(window.complaints).toEqual([]);
  });

  test('goes from an app, and from a deployment, to the other places of its organization', async () => {
    const { owner, second } = await createMemberOfTwo();
    const deployment = await deployFiles(plane, second.member, second.app, appFiles('one'));
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, `/apps/${second.app.subdomain}`);

    for (const [from, heading, place] of [
      [`/apps/${second.app.subdomain}`, 'Shop', 'Deployments'],
      [`/deployments/${deployment}`, `${second.app.subdomain} #1`, 'Apps'],
    ] as const) {
      await page.goto(`${plane.url}${from}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place }).click();
      await page.getByRole('heading', { level: 1, name: place }).waitFor();
      expect(await page.getByRole('combobox', { name: 'Organization' }).inputValue()).toBe(second.slug);
    }
    expect(window.complaints).toEqual([]);
  });
});
