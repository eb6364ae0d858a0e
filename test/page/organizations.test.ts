import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { hasBrowser, openBrowser, openWindow, signIn } from '../kit/browser.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createApp, createOwner } from '../kit/seed.ts';

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

  test('keeps the chosen one from place to place, over a reload and on the way back', async () => {
    const [owner, other] = [await createOwner(plane), await createOwner(plane)];
    const { prisma } = plane.app.database;
    const { organizationId, roleId, organization } = await prisma.membership.findFirstOrThrow({
      where: { userId: other.userId },
      include: { organization: true },
    });
    await prisma.membership.create({ data: { userId: owner.userId, organizationId, roleId } });
    const app = await createApp(other);
    await using window = await openWindow(browser, plane.url);
    const { page } = window;
    await signIn(page, owner.token, '/apps');
    const choice = page.getByRole('combobox', { name: 'Organization' });

    await choice.selectOption(organization.slug);
    await page.getByText(app.subdomain).first().waitFor();
    for (const place of ['Deployments', 'Activity', 'Members', 'Apps']) {
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place }).click();
      await page.getByRole('heading', { level: 1, name: place }).waitFor();
      expect([place, await choice.inputValue()]).toEqual([place, organization.slug]);
    }
    await page.reload();
    await page.getByText(app.subdomain).first().waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Members' }).waitFor();

    expect(await choice.inputValue()).toBe(organization.slug);
    expect(window.complaints).toEqual([]);
  });
});
