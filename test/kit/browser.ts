import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type LaunchOptions, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Where Debian, and others, put Chromium. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
if (!CHROMIUM)
  console.warn('\nNo Chromium: the tests of the page in a browser are SKIPPED. Debian has it: chromium.\n');

export const hasBrowser = CHROMIUM !== undefined;

/** A real browser. Sandboxing is the machine's matter: as root, Chromium has none. */
export function openBrowser(options: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'], ...options });
}

/** A window of its own, with nothing kept from others, and what went wrong in it. */
export interface Window extends AsyncDisposable {
  readonly page: Page;
  /** What a user must never meet: requests to other hosts, errors of scripts, refusals by the content policy. */
  readonly complaints: readonly string[];
}

export async function openWindow(
  browser: Browser,
  url: string,
  { theme = 'light', width = 1280 }: { theme?: 'light' | 'dark'; width?: number } = {},
): Promise<Window> {
  const context = await browser.newContext({
    baseURL: url,
    colorScheme: theme,
    viewport: { width, height: 800 },
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (host !== new URL(url).host && protocol !== 'blob:') complaints.push(`asked ${request.url()}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return {
    page,
    complaints,
    async [Symbol.asyncDispose]() {
      await context.close();
    },
  };
}

/** The token stays in the tab, so that the window may go to other addresses. */
export async function signIn(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('Skip to the content').waitFor({ state: 'attached' });
}

/** All rules of axe, with the best practices. */
export async function expectAccessible(page: Page, view = page.url()): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => [id, help, ...nodes.map(({ html }) => html)]);
  expect(found, view).toEqual([]);
}
