import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { SCOPES, type Scope } from './domain/access.ts';
import { Secret } from './secret.ts';

/** Somebody else whose word is taken on who a caller is. */
export interface IdentityIssuer {
  /** The `iss` of its tokens, to the letter. */
  readonly issuer: string;
  /** What its tokens must say they are for. Null: only those of its sign-in are taken. */
  readonly audience: string | null;
  readonly jwksUrl: string;
  readonly algorithms: readonly string[];
  readonly requiredClaims: Readonly<Record<string, string | boolean>>;
  /** The first one that fits decides. */
  readonly rules: readonly IdentityRule[];
  /** How people sign in with it on the page. Null: they do not. */
  readonly signIn: IdentitySignIn | null;
}

/** What an issuer knows this installation by, as a client of OpenID Connect. */
export interface IdentitySignIn {
  /** What the page calls the issuer. */
  readonly name: string;
  /** The tokens of its sign-ins are for this audience. */
  readonly clientId: string;
  /** Null: a public client. */
  readonly clientSecret: Secret | null;
  readonly scopes: readonly string[];
}

/** Who is who: tokens with these claims act as one user, with no more than this. */
export interface IdentityRule {
  readonly when: Readonly<Record<string, string | boolean>>;
  readonly userId: string;
  /** Null: what the user's roles allow. */
  readonly scopes: readonly Scope[] | null;
  readonly productionAppIds: readonly string[] | null;
}

const claims = z.record(z.string(), z.union([z.string().min(1), z.boolean()]));
/** Where secrets and signing keys may travel: over TLS, or within this machine. */
export const SAFE_URL = /^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?(\/|$)/;
// Those that need a secret of both sides, and "none", are not among them.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const safeUrl = z.string().regex(SAFE_URL, 'must be a URL with https');
const signIn = z.strictObject({
  name: z.string().trim().min(1).max(40),
  clientId: z.string().min(1),
  clientSecretFile: z.string().min(1).optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be without spaces'))
    .default(['email', 'profile']),
});
const identityIssuer = z
  .strictObject({
    issuer: z.string().min(1),
    audience: z.string().min(1).nullable().default(null),
    jwksUrl: safeUrl,
    algorithms: z.array(z.enum(ALGORITHMS)).min(1),
    requiredClaims: claims.default({}),
    rules: z.array(
      z.strictObject({
        // Without a condition, everybody whom the issuer knows would be this user.
        when: claims.refine((when) => Object.keys(when).length > 0, 'must name a claim'),
        userId: z.string().startsWith('usr_'),
        scopes: z.array(z.enum(SCOPES)).nullable().default(null),
        productionAppIds: z.array(z.string().startsWith('app_')).nullable().default(null),
      }),
    ),
    signIn: signIn.nullable().default(null),
  })
  .refine((one) => one.audience !== null || one.signIn !== null, {
    path: ['audience'],
    message: 'must be given where there is no signIn',
  })
  .refine((one) => one.signIn === null || SAFE_URL.test(one.issuer), {
    path: ['issuer'],
    message: 'must be a URL with https for people to sign in with it',
  });
const identityIssuers = z
  .array(identityIssuer)
  // Of two with the same name, one would be left out without a word.
  .refine((all) => new Set(all.map(({ issuer }) => issuer)).size === all.length, 'must name each issuer once');

/** A path of a JSON file. */
export function readIdentityIssuers(path: string, context: z.RefinementCtx): readonly IdentityIssuer[] {
  try {
    const issuers = identityIssuers.parse(JSON.parse(readFileSync(path, 'utf8')));
    return issuers.map((issuer) => ({ ...issuer, signIn: issuer.signIn && readSignIn(issuer.signIn, dirname(path)) }));
  } catch (error) {
    const problem =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`.trim()).join('; ')
        : (error as Error).message;
    context.addIssue({ code: 'custom', message: `cannot be used: ${problem}` });
    return z.NEVER;
  }
}

/** The path of the secret is as seen from the file that names it. */
function readSignIn({ clientSecretFile, scopes, ...rest }: z.output<typeof signIn>, folder: string): IdentitySignIn {
  const text = clientSecretFile === undefined ? null : readFileSync(resolve(folder, clientSecretFile), 'utf8').trim();
  if (text === '') throw new Error(`${clientSecretFile} is empty`);
  // Without the first scope, it would not be OpenID Connect.
  return {
    ...rest,
    scopes: [...new Set(['openid', ...scopes])],
    clientSecret: text === null ? null : new Secret(text),
  };
}
