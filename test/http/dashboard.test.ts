import { expect, test } from 'vitest';
import { startPlane } from '../kit/plane.ts';

test('the page is served at each of its paths, and its policy allows this origin alone', async () => {
  await using plane = await startPlane({ roles: ['api'] });

  const paths = [
    '/',
    '/apps',
    '/apps/shop/versions',
    '/deployments',
    '/deployments/dep_nothing',
    '/activity',
    '/members',
    '/members/roles',
    '/tokens',
    '/system',
    '/invitation',
    '/sign-in/callback?code=x',
  ];
  for (const path of paths) {
    const response = await fetch(new URL(path, plane.url));
    expect([path, response.status]).toEqual([path, 200]);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self';");
    expect(await response.text()).toContain('<div id="root"></div>');
  }
});

test('every part that the page names is there for good, and nothing else of the folder is', async () => {
  await using plane = await startPlane({ roles: ['api'] });
  const html = await (await fetch(plane.url)).text();
  const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);

  expect(parts.length).toBeGreaterThan(2);
  for (const path of parts) {
    const response = await fetch(new URL(path, plane.url));
    expect([path, response.status]).toEqual([path, 200]);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  }
  for (const path of ['/assets/none.js', '/assets/..%2findex.html', '/assets/%2e%2e/index.html', '/appsx']) {
    expect([path, (await fetch(new URL(path, plane.url))).status]).toEqual([path, 404]);
  }
});

test('whoever opens the page is counted once, however many parts it has', async () => {
  await using plane = await startPlane({ roles: ['api'], rateLimitAnonymous: 2 });
  const open = () => fetch(plane.url);
  const html = await (await open()).text();
  const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);

  const loaded = await Promise.all(parts.map((path) => fetch(new URL(path, plane.url))));

  expect(loaded.map(({ status }) => status)).toEqual(parts.map(() => 200));
  expect([(await open()).status, (await open()).status]).toEqual([200, 429]);
});
