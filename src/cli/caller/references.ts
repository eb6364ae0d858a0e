import {
  AppDocument,
  AppsDocument,
  DeploymentsDocument,
  VersionsDocument,
  type AppSummaryFragment,
  type DeploymentsQuery,
  type VersionsQuery,
} from '../../generated/gql/graphql.ts';
import { CommandError, usageError } from './command-error.ts';
import { originOf, type Caller, type Session } from './session.ts';

export type App = AppSummaryFragment;
export type ListedDeployment = DeploymentsQuery['deployments']['nodes'][number];
export type ListedVersion = NonNullable<VersionsQuery['entity']>['versions']['nodes'][number];

const ID_LENGTH = 'dep_'.length + 26;
const PAGE = 100;
/** How far back the beginning of an id, or a number, is looked for. */
const LOOKED_THROUGH_MAX = 1_000;

/** The app that is meant: by its subdomain, an id or the beginning of one, a URL, or the link of the folder. */
export async function findApp(caller: Caller, session: Session, text: string | undefined): Promise<App> {
  const named = text ?? linkedApp(caller, session);
  if (named === null) {
    throw usageError(
      `No app was named, and this folder is not linked to one on ${session.url}.`,
      'Name one ("windlass apps" lists them), or link this folder with "windlass init".',
    );
  }
  const reference = URL.canParse(named) ? appInUrl(named) : named;
  const app = reference.startsWith('app_')
    ? await findAppById(session, reference)
    : (await session.client.request(AppDocument, { subdomain: reference })).productionApp;
  if (app) return app;
  throw notFound(`There is no app ${shown(named)} on ${session.url}.`, '"windlass apps" lists those that you may see.');
}

/** The same, or null where no app is named and the folder is linked to none. */
export async function findAppIfAny(caller: Caller, session: Session, text: string | undefined): Promise<App | null> {
  return text === undefined && linkedApp(caller, session) === null ? null : findApp(caller, session, text);
}

/** The linked app, if the folder's link is of this server. */
function linkedApp({ project }: Caller, { url }: Session): string | null {
  return project && originOf(project.url) === url ? project.app.id : null;
}

/** A page of Windlass (`/apps/shop`), or the app's own address (`http://shop.localhost:8080`). */
function appInUrl(text: string): string {
  const { pathname, hostname } = new URL(text);
  const page = /^\/apps\/([^/]+)/.exec(pathname)?.[1];
  return page ?? hostname.split('.')[0]!;
}

async function findAppById(session: Session, reference: string): Promise<App | null> {
  if (reference.length === ID_LENGTH)
    return (await session.client.request(AppDocument, { id: reference })).productionApp ?? null;
  return onlyOne(await listApps(session, LOOKED_THROUGH_MAX), reference, ({ subdomain }) => subdomain);
}

/**
 * The id of a deployment that is meant: by its id or the beginning of one, its number among those of the app, the URL of
 * its page, or `@latest`. Without an app, `@latest` is the newest of all.
 */
export async function findDeploymentId(
  session: Session,
  text: string,
  app: Pick<App, 'id' | 'subdomain'> | null,
): Promise<string> {
  const whole = idOfDeployment(text);
  if (whole !== null) return whole;
  const reference = URL.canParse(text) ? deploymentInUrl(text) : text.replace(/^#/, '');
  if (reference === '@latest') return (await latestDeployment(session, app)).id;
  const isNumber = /^\d+$/.test(reference);
  if (isNumber && app === null)
    throw usageError(`${text} is a number of a deployment, and no app was named.`, 'Add --app <app>.');
  if (!isNumber && !reference.startsWith('dep_')) {
    throw usageError(
      `${shown(text)} is no deployment.`,
      'Give its id or the beginning of it, its number, its URL, or @latest.',
    );
  }
  const matches = isNumber
    ? ({ number }: ListedDeployment) => number === Number(reference)
    : ({ id }: ListedDeployment) => id.startsWith(reference);
  const found = (await listDeployments(session, { app, limit: LOOKED_THROUGH_MAX })).filter(matches);
  if (found.length === 1) return found[0]!.id;
  if (found.length === 0) {
    const place = app ? ` of ${app.subdomain}` : '';
    throw notFound(
      `None of the last ${LOOKED_THROUGH_MAX} deployments${place} is ${shown(text)}.`,
      'Give its whole id.',
    );
  }
  throw ambiguous(
    text,
    found.map(({ id, number, productionApp }) => `${id} (${productionApp.subdomain}, ${number})`),
  );
}

/** The id, if the text has the whole of it. */
export function idOfDeployment(text: string): string | null {
  const reference = URL.canParse(text) ? deploymentInUrl(text) : text;
  return reference.startsWith('dep_') && reference.length === ID_LENGTH ? reference : null;
}

function deploymentInUrl(text: string): string {
  const id = /\/(dep_[0-9a-z]+)/.exec(new URL(text).pathname)?.[1];
  if (id) return id;
  throw usageError(`${shown(text)} is not the page of a deployment.`);
}

async function latestDeployment(
  session: Session,
  app: Pick<App, 'id' | 'subdomain'> | null,
): Promise<ListedDeployment> {
  const [latest] = await listDeployments(session, { app, limit: 1 });
  if (latest) return latest;
  throw notFound(
    app ? `${app.subdomain} has no deployments yet.` : 'There are no deployments yet.',
    'Make one: windlass deploy',
  );
}

/** Newest first. */
export async function listApps({ client }: Session, limit: number) {
  return takePages(limit, async (first, after) => {
    return (await client.request(AppsDocument, { first, after })).productionApps;
  });
}

/** Newest first. */
export async function listDeployments(
  { client }: Session,
  {
    app,
    limit,
    status,
  }: { app: Pick<App, 'id'> | null; limit: number; status?: readonly ListedDeployment['status'][] },
): Promise<readonly ListedDeployment[]> {
  const filter = { productionAppId: app?.id, status: status && [...status] };
  return takePages(limit, async (first, after) => {
    return (await client.request(DeploymentsDocument, { first, after, filter })).deployments;
  });
}

/** Newest first. */
export async function listVersions(session: Session, app: Pick<App, 'entity'>, limit: number) {
  return takePages(limit, async (first, after) => {
    const { entity } = await session.client.request(VersionsDocument, { entityId: app.entity.id, first, after });
    if (entity) return entity.versions;
    throw notFound(`There is no entity ${app.entity.id}.`);
  });
}

/** The version that is meant: by its text, an id or the beginning of one, `@latest` (pushed last), or `@active`. */
export async function findVersion(session: Session, text: string, app: App): Promise<ListedVersion> {
  const versions = await listVersions(session, app, text === '@latest' ? 1 : LOOKED_THROUGH_MAX);
  if (text === '@latest' && versions[0]) return versions[0];
  const found =
    text === '@active'
      ? versions.find(({ isActive }) => isActive)
      : (versions.find(({ version, id }) => version === text || id === text) ??
        (text.startsWith('ver_') ? onlyOne(versions, text, ({ version }) => version) : null));
  if (found) return found;
  throw notFound(`${app.subdomain} has no version ${shown(text)}.`, `"windlass versions ${app.subdomain}" lists them.`);
}

interface Page<Item> {
  readonly nodes: readonly Item[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
}

/** As many items as wanted, over as many pages as it takes. */
export async function takePages<Item>(
  limit: number,
  load: (first: number, after: string | undefined) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let after: string | undefined; ; ) {
    const { nodes, pageInfo } = await load(Math.min(PAGE, limit - items.length), after);
    items.push(...nodes);
    if (!pageInfo.hasNextPage || items.length >= limit) return items;
    after = pageInfo.endCursor ?? undefined;
  }
}

/** What alone begins so. */
function onlyOne<Item extends { readonly id: string }>(
  items: readonly Item[],
  beginning: string,
  nameOf: (item: Item) => string,
): Item | null {
  const found = items.filter(({ id }) => id.startsWith(beginning));
  if (found.length > 1)
    throw ambiguous(
      beginning,
      found.map((item) => `${item.id} (${nameOf(item)})`),
    );
  return found[0] ?? null;
}

function ambiguous(text: string, candidates: readonly string[]): CommandError {
  const listed = candidates.slice(0, 5).join(', ');
  return usageError(`${candidates.length} ids begin with ${shown(text)}.`, `Give more of it: ${listed}`);
}

function notFound(message: string, advice: string | null = null): CommandError {
  return new CommandError('notFound', message, advice);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
