import { typeidUnboxed } from 'typeid-js';

/** The prefix of each kind of id. The rest is a UUIDv7, so that ids of one kind sort by time. */
export const ID_PREFIX = {
  Organization: 'org',
  User: 'usr',
  Role: 'rol',
  ApiToken: 'tok',
  Invitation: 'inv',
  AuditEvent: 'aud',
  Entity: 'ent',
  Version: 'ver',
  Upload: 'upl',
  ProductionApp: 'app',
  Deployment: 'dep',
  Release: 'rel',
  Host: 'hst',
  Process: 'prc',
} as const;
export type IdKind = keyof typeof ID_PREFIX;

const ID = /^([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const KIND_OF_PREFIX = new Map(Object.entries(ID_PREFIX).map(([kind, prefix]) => [prefix as string, kind as IdKind]));

export function createId(kind: IdKind): string {
  return typeidUnboxed(ID_PREFIX[kind]);
}

/** The kind that an id's prefix names, or null for a text that no id of ours can be. */
export function kindOfId(id: string): IdKind | null {
  const prefix = ID.exec(id)?.[1];
  return (prefix && KIND_OF_PREFIX.get(prefix)) || null;
}
