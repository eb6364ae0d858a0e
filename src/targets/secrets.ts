import type { Variable } from '../domain/environment.ts';
import { cleanText } from './lines.ts';
import { viewsOf } from './text-views.ts';

/** What is shorter would be found in every other line, and masking it would tell what it is. */
const CHARACTERS_MIN = 6;
/** A line of a secret of several lines may be as plain as `[default]`. */
const LINE_CHARACTERS_MIN = 8;
const PATH_CHARACTERS_MIN = 16;

const PEM_BORDER = /^-+(?:BEGIN|END) [A-Z0-9 ]+-+$/;
const ONE_CHARACTER = /^(.)\1*$/su;
const PLAIN = new Set('default disabled enabled undefined localhost development production staging testing'.split(' '));

/**
 * What of an app's environment no text may show: URLs with a password, and the password alone. Paths, and URLs that
 * open nothing, are not secret.
 */
export function secretsOf(environment: Readonly<Record<string, string>>): string[] {
  return Object.values(environment).flatMap(secretsOfUrl);
}

/** What of an app's variables no text may show: secrets as they are, and what URLs hold. */
export function secretsOfVariables(variables: readonly Pick<Variable, 'value' | 'isSecret'>[]): string[] {
  return variables.flatMap(({ value, isSecret }) => [...(isSecret ? [value] : []), ...secretsOfUrl(value)]);
}

/** A URL with credentials, and the credentials alone. Nothing when it has none. */
export function secretsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password, username, protocol, searchParams } = new URL(text);
  // `https://token@host` has no other secret than its user; `postgresql://postgres@host` has none at all.
  const user = password === '' && protocol.startsWith('http') ? username : '';
  const credentials = [password, user, ...searchParams.getAll('password')].filter((credential) => credential !== '');
  return credentials.length === 0
    ? []
    : [text, ...credentials.flatMap((credential) => [credential, decoded(credential)])];
}

/** The address of a webhook is a secret by itself: whoever knows it may call it. */
export function secretsOfWebhook(text: string): string[] {
  const { pathname, search } = new URL(text);
  const path = `${pathname}${search}`;
  return [text, ...secretsOfUrl(text), ...(path.length >= PATH_CHARACTERS_MIN ? [path] : [])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A password with a percent sign that encodes nothing.
  }
}

/** The texts by which some secrets are found in a line. */
export interface SecretForms {
  /** Secret from the first to the last character. */
  readonly wholes: readonly string[];
  /** Encoded, so that each piece of them is secret: tools break such texts into lines wherever they like. */
  readonly encoded: readonly string[];
}

/**
 * The forms of the secrets that are long enough to be told from other text, which is 6 characters, and are no plain word
 * such as `production`.
 */
export function formsOf(secrets: readonly string[], pieceCharacters: number): SecretForms {
  const found = [...new Set(secrets.flatMap(textsOf))];
  const texts = found.flatMap((text) => [text, cleanText(text), text.replaceAll(' ', '+')]).filter(isTelling);
  const codes = found.flatMap(encodingsOf);
  return {
    wholes: [...new Set([...texts, ...codes.filter((code) => code.length < pieceCharacters)])],
    encoded: [...new Set(codes.filter((code) => code.length >= pieceCharacters))],
  };
}

/**
 * A secret as a whole, and line by line, as the output of whoever prints it is cut; also with its own escapes undone,
 * since keys come with `\n` for their newlines, and since a line's escapes are undone before it is looked at.
 */
function textsOf(secret: string): string[] {
  return viewsOf(secret).flatMap(({ text }) => {
    const lines = text.split(/[\r\n]+/).map((line) => line.trim());
    const secretLines = lines.filter((line) => line.length >= LINE_CHARACTERS_MIN && !PEM_BORDER.test(line));
    return [text, text.trim(), ...(lines.length > 1 ? secretLines : [])].filter(isTelling);
  });
}

function isTelling(text: string): boolean {
  return text.trim().length >= CHARACTERS_MIN && !ONE_CHARACTER.test(text) && !PLAIN.has(text.toLowerCase());
}

/**
 * In a longer text, a secret begins at the first, second or third byte of a group of base64. Of the second and third
 * kind, the characters that the bytes around it do not change.
 */
function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const alone = bytes.toString('base64');
  const inside = [1, 2].map((offset) => {
    const code = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return code.slice(offset + 1, end);
  });
  const base64 = [alone, ...inside];
  const base64url = base64.map((code) => code.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = bytes.toString('hex');
  return [...base64, ...base64url, hex, hex.toUpperCase()];
}
