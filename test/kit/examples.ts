import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A command of a document, with the answer that the document shows beneath it. */
export interface Example {
  readonly heading: string;
  readonly command: string;
  readonly shown: HttpAnswer;
}

export interface HttpAnswer {
  readonly status: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or else the lines of a text. */
  readonly body: unknown;
}

/**
 * The examples of a document in order: each `sh` block with a curl, and the `http` block beneath it. Refuses a curl that
 * would not be run, and an answer that would not be compared.
 */
export function readExamples(markdown: string): Example[] {
  const examples: Example[] = [];
  let heading = '';
  let command: string | null = null;
  for (const [, title, language, text = ''] of markdown.matchAll(/^#+ (.+)$|^```(\w*)\n([^]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (language === 'http') {
      if (command === null) throw new Error(`${heading}: no curl gives this answer:\n${text}`);
      examples.push({ heading, command, shown: parseAnswer(text) });
      command = null;
    } else if (/\bcurl\b/.test(text)) {
      if (command !== null) throw new Error(`${heading}: no answer is shown beneath:\n${command}`);
      if (language !== 'sh' || text.match(/\bcurl\b/g)!.length > 1) throw new Error(`${heading}: is not run:\n${text}`);
      command = text;
    }
  }
  if (command !== null) throw new Error(`${heading}: no answer is shown beneath:\n${command}`);
  return examples;
}

/** Reads an answer as a document shows it and as curl writes it down. A bare `…` stands for more of the same. */
function parseAnswer(text: string): HttpAnswer {
  const [, head = '', body = ''] = /^([^]*?)(?:\r?\n\r?\n([^]*))?$/.exec(text.trim())!;
  const [status = '', ...fields] = head.split(/\r?\n/);
  const headers = fields.map((field) => [field.split(':')[0]!.toLowerCase(), field.replace(/^.*?: */, '')]);
  const isJson = /^[[{]/.test(body);
  return {
    status: status.trim(),
    headers: Object.fromEntries(headers),
    body: isJson ? JSON.parse(body.replaceAll(MORE, `"${MORE}"`)) : body.split('\n'),
  };
}

export interface Ran {
  readonly method: string;
  readonly path: string;
  readonly answer: HttpAnswer;
}

/** Runs commands as if typed into one bash, with the real curl. A command that fails throws what it said. */
export function createShell(folder: string, env: Readonly<Record<string, string>>) {
  const [headers, state] = [join(folder, 'headers'), join(folder, 'state')];
  writeFileSync(
    join(folder, '.curlrc'),
    ['silent', 'show-error', `dump-header = "${headers}"`, 'write-out = "%{stderr}%{method} %{url_effective}"'].join(
      '\n',
    ),
  );
  return async (command: string): Promise<Ran> => {
    const before = existsSync(state) ? readFileSync(state, 'utf8') : '';
    const script = `set -aeuo pipefail\n${before}\n${command}\nexport -p >'${state}'`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
      timeout: 60_000,
    });
    const [method = '', url = ''] = stderr.trim().split(' ');
    // An upload may have an answer before the answer: 100 Continue.
    const head = readFileSync(headers, 'utf8').trim().split('\r\n\r\n').at(-1)!;
    return { method, path: new URL(url).pathname, answer: parseAnswer(`${head}\r\n\r\n${stdout}`) };
  };
}

const MORE = '…';
/** What differs from run to run: ids, times, hashes, request ids, and secrets in URLs. */
const VARYING = [
  /\b[a-z]{3}_[0-9a-z]{26}\b/,
  /\bwlt_[\w-]{32}(?![\w-])/,
  /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/,
  /\b[0-9a-f]{64}\b/,
  /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/,
  /(?<=\/)[\w-]{32}(?![\w-])/,
];
const ANY_VARYING = new RegExp(VARYING.map(({ source }) => source).join('|'), 'g');
const VARYING_NUMBERS: ReadonlySet<string> = new Set(['packageBytes', 'logsTotal']);

/** What a document's ids, times and hashes are in this run. */
export type Known = Map<string, string>;

/** A documented text, with what is known of this run in it. */
export function inThisRun(shown: string, known: Known): string {
  return shown.replace(ANY_VARYING, (part) => known.get(part) ?? part);
}

/**
 * What an answer must be for the document to be right: what is shown, with the ids, times and hashes of this run. Those
 * that are new are learned from the answer, if they are of the same kind; from then on they must stay the same.
 */
export function expected(shown: unknown, got: unknown, known: Known, name = ''): unknown {
  if (typeof shown === 'string') {
    learn(shown, typeof got === 'string' ? got : '', known);
    return inThisRun(shown, known);
  }
  if (typeof shown === 'number') return VARYING_NUMBERS.has(name) && typeof got === 'number' ? got : shown;
  if (Array.isArray(shown)) {
    const items: unknown[] = Array.isArray(got) ? got : [];
    const isOpen = shown.at(-1) === MORE && items.length >= shown.length;
    const listed = isOpen ? shown.slice(0, -1) : shown;
    const rest = isOpen ? items.slice(listed.length) : [];
    return [...listed.map((item, index) => expected(item, items[index], known)), ...rest];
  }
  if (shown === null || typeof shown !== 'object') return shown;
  const fields = (got ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(shown).map(([key, value]) => [key, expected(value, fields[key], known, key)]),
  );
}

function learn(shown: string, got: string, known: Known): void {
  const [parts, actual] = [shown.match(ANY_VARYING) ?? [], got.match(ANY_VARYING) ?? []];
  for (const [index, part] of parts.entries()) {
    const value = actual[index];
    if (!known.has(part) && value !== undefined && kindOf(part) === kindOf(value)) known.set(part, value);
  }
}

function kindOf(part: string): string {
  const id = /^[a-z]{3}_/.exec(part);
  return id ? id[0] : String(VARYING.findIndex((pattern) => pattern.test(`/${part}`)));
}
