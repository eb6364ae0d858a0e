import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once, pack, type LoadPage } from './packed-page.ts';

/** The paths of the page, by their first part: `src/dashboard/routes.ts` has them whole. */
const VIEWS = /^\/(?:$|(?:apps|deployments|activity|members|tokens|system|invitation)(?:\/|$)|sign-in\/callback$)/;
const ASSET = /^\/assets\/([\w.-]+)$/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Everything comes from this origin, nothing is inline, and nobody may frame it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const folder = findFolder();
const loadIndex = once(async () =>
  pack(await readFile(join(folder!, 'index.html')), {
    'content-type': TYPES['.html']!,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  }),
);
const loadAssets = once(async () => {
  const names = await readdir(join(folder!, 'assets'));
  return new Map(names.map((name) => [name, once(() => loadAsset(name))]));
});

/** The page and its parts. Null for other paths, and where the page was not built: `npm run build` does. */
export async function findDashboard(pathname: string): Promise<LoadPage | null> {
  if (folder === null) return null;
  if (VIEWS.test(pathname)) return loadIndex;
  const name = ASSET.exec(pathname)?.[1];
  return name === undefined ? null : ((await loadAssets()).get(name) ?? null);
}

/** Whether a path is one of the many parts that the page is made of, and not the page itself. */
export function isPartOfDashboard(pathname: string): boolean {
  return ASSET.test(pathname);
}

/** The names of assets hold a hash of what is in them: a changed one has another. */
async function loadAsset(name: string) {
  return pack(await readFile(join(folder!, 'assets', name)), {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
  });
}

/** Sources and compiled files lie at different depths below the package. */
function findFolder(): string | null {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  const built = join(root, 'dist', 'dashboard');
  return existsSync(join(built, 'index.html')) ? built : null;
}
