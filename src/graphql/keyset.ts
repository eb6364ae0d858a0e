import { createHash } from 'node:crypto';
import { DomainError } from '../domain/errors.ts';

export interface ConnectionArgs {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

export interface PageSizes {
  readonly size: number;
  readonly max: number;
}

const DEFAULT_SIZES: PageSizes = { size: 20, max: 100 };

/** How many, and from which end. Throws BAD_USER_INPUT. */
export function pageSize({ first, last }: ConnectionArgs, sizes: PageSizes = DEFAULT_SIZES) {
  if (first != null && last != null) throw badInput('Ask for `first` or for `last`, not for both.');
  const limit = first ?? last ?? sizes.size;
  if (limit < 1 || limit > sizes.max)
    throw badInput(`\`${last == null ? 'first' : 'last'}\` must be from 1 to ${sizes.max}.`);
  return { limit, isFromEnd: last != null };
}

function badInput(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message);
}

const NUMBERED_PAGE_SIZE_MAX = 100;
/** PostgreSQL's `offset` has 64 bits; nobody reads on page ten million. */
const NUMBERED_PAGE_MAX = 10_000_000;

export interface NumberedPage {
  readonly page: number;
  readonly pageSize: number;
}

/** Throws BAD_USER_INPUT for a page that no list has. */
export function assertNumberedPage({ page, pageSize: size }: NumberedPage): void {
  if (page < 1 || page > NUMBERED_PAGE_MAX) throw badInput(`\`page\` must be from 1 to ${NUMBERED_PAGE_MAX}.`);
  if (size >= 1 && size <= NUMBERED_PAGE_SIZE_MAX) return;
  throw badInput(`\`pageSize\` must be from 1 to ${NUMBERED_PAGE_SIZE_MAX}.`);
}

/** The rows of a numbered page, for Prisma. */
export function rowsOf({ page, pageSize: size }: NumberedPage) {
  return { orderBy: { id: 'desc' }, skip: (page - 1) * size, take: size } as const;
}

/** Which list a cursor is for: its kind, and everything that chooses its objects. */
export interface ListIdentity {
  readonly list: string;
  readonly filter: unknown;
}

/**
 * Pages of a list in which later ids come first. A cursor holds an id, not a row: it pages on when its row is gone, says
 * nothing of rows its holder may not see, and fits only the list and filter that it came from.
 */
export async function connectNewestFirst<Row extends { id: string }>(
  args: ConnectionArgs,
  identity: ListIdentity,
  {
    find,
    count,
  }: {
    find(page: {
      where: { id: { lt?: string; gt?: string } };
      orderBy: { id: 'asc' | 'desc' };
      take: number;
    }): Promise<Row[]>;
    count(): Promise<number>;
  },
) {
  const { limit, isFromEnd } = pageSize(args);
  const after = args.after == null ? undefined : decodeCursor(args.after, identity);
  const before = args.before == null ? undefined : decodeCursor(args.before, identity);
  const found = await find({
    where: { id: { lt: after, gt: before } },
    orderBy: { id: isFromEnd ? 'asc' : 'desc' },
    take: limit + 1,
  });
  const rows = found.slice(0, limit);
  if (isFromEnd) rows.reverse();
  const edges = rows.map((node) => ({ node, cursor: encodeCursor(node.id, identity) }));
  const hasMore = found.length > limit;
  return {
    edges,
    pageInfo: {
      hasNextPage: isFromEnd ? before !== undefined : hasMore,
      hasPreviousPage: isFromEnd ? hasMore : after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: count,
  };
}

const SEQ_MAX = 2 ** 31 - 2;

/** The cursor of what is numbered 1, 2, 3 … is its number. */
export function parseSeq(cursor: string | null | undefined): number | undefined {
  if (cursor == null) return undefined;
  if (/^\d{1,10}$/.test(cursor) && Number(cursor) <= SEQ_MAX) return Number(cursor);
  throw badInput('The cursor is not a number of this list. Use the `seq` of a line, or a `cursor` that it gave.');
}

/** Pages of a list that is numbered 1, 2, 3 …, in that order. */
export async function connectNumbered<Row extends { seq: number }>(
  args: ConnectionArgs,
  sizes: PageSizes,
  {
    find,
    count,
  }: {
    find(range: { after?: number; before?: number; limit: number; fromEnd: boolean }): Promise<readonly Row[]>;
    count(): Promise<number>;
  },
) {
  const { limit, isFromEnd } = pageSize(args, sizes);
  const after = parseSeq(args.after);
  const before = parseSeq(args.before);
  const found = await find({ after, before, limit: limit + 1, fromEnd: isFromEnd });
  const hasMore = found.length > limit;
  const rows = isFromEnd ? found.slice(-limit) : found.slice(0, limit);
  const edges = rows.map((node) => ({ node, cursor: String(node.seq) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: isFromEnd ? before !== undefined : hasMore,
      hasPreviousPage: isFromEnd ? hasMore : after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: count,
  };
}

function fingerprint({ list, filter }: ListIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([list, filter]))
    .digest('base64url')
    .slice(0, 12);
}

function encodeCursor(id: string, identity: ListIdentity): string {
  return Buffer.from(`${fingerprint(identity)}.${id}`).toString('base64url');
}

function decodeCursor(cursor: string, identity: ListIdentity): string {
  const [print, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('.');
  if (print === fingerprint(identity) && id !== undefined && /^[a-z]{3}_[0-9a-z]{26}$/.test(id)) return id;
  throw badInput('The cursor is not one of this list. Use one that the same list gave, with the same filter.');
}
