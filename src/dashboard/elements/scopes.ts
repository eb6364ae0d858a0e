import type { Scope } from '../../generated/gql/graphql.ts';

interface ScopeWords {
  readonly name: string;
  readonly about: string;
}

/** A word for each scope, in the order in which they are read. */
export const SCOPE_WORDS: Record<Scope, ScopeWords> = {
  ENTITIES_DEPLOY: { name: 'Deploy', about: 'Deploy, cancel and roll back; make, change and delete apps.' },
  ENTITIES_PUBLISH: { name: 'Publish', about: 'Push versions, and choose the active one.' },
  ENTITIES_SHARE: { name: 'Share', about: 'Choose who else may publish and deploy.' },
  ENTITIES_SHARE_EXTERNAL: { name: 'Share outside', about: 'Nothing asks for it yet.' },
  ENTITIES_SHARE_STORE: { name: 'Share in the store', about: 'Nothing asks for it yet.' },
  MEMBERS_INVITE: { name: 'Invite members', about: 'Make links that let others in.' },
  MEMBERS_REMOVE: { name: 'Remove members', about: 'Take members out of the organization.' },
  MEMBERS_MANAGE_ROLES: { name: 'Manage roles', about: 'Make roles, and choose who has which.' },
  ORG_SETTINGS: { name: 'See the activity', about: 'Read who did what, and what was refused.' },
  ORG_BILLING: { name: 'Billing', about: 'Nothing asks for it yet.' },
};

export const SCOPES = Object.keys(SCOPE_WORDS) as readonly Scope[];

/** `Deploy, Publish`; all ten and none have a word of their own. */
export function scopesText(scopes: readonly Scope[]): string {
  if (scopes.length === 0) return 'Only to read';
  if (scopes.length === SCOPES.length) return 'Everything';
  return SCOPES.filter((scope) => scopes.includes(scope))
    .map((scope) => SCOPE_WORDS[scope].name)
    .join(', ');
}
