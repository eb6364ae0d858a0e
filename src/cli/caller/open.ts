import { spawn } from 'node:child_process';
import { appPage } from './links.ts';
import { findApp } from './references.ts';
import { openSession, type Caller } from './session.ts';

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Prints where an app answers, or its page, and opens it where somebody is there to look. */
export async function runOpen(caller: Caller, name: string | undefined, { page }: { page?: boolean }): Promise<void> {
  const session = openSession(caller);
  const { output, environment } = caller;
  const { id, subdomain, url: appUrl } = await findApp(caller, session, name);
  const url = page ? appPage(session.url, subdomain) : appUrl;
  output.result(output.json ? JSON.stringify({ type: 'url', id, subdomain, url }) : url);
  if (output.isTable && output.canAsk) await openInBrowser(url, environment.browser);
}

/** Where there is no browser, the address on the screen is enough. */
async function openInBrowser(url: string, browser: string | null): Promise<void> {
  // The server named it: nothing but an address of the web goes to a program.
  if (!/^https?:$/.test(new URL(url).protocol)) return;
  const [command, ...args] = browser === null ? (OPENERS[process.platform] ?? ['xdg-open']) : [browser];
  await new Promise<void>((resolve) => {
    const child = spawn(command!, [...args, url], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve());
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}
