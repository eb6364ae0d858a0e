import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  AppToLinkDocument,
  CreateEntityDocument,
  CreateProductionAppDocument,
  EntitiesDocument,
  ViewerDocument,
  type ViewerQuery,
} from '../../generated/gql/graphql.ts';
import { CommandError, usageError } from './command-error.ts';
import { createIdempotencyKey } from './follow/follow-command.ts';
import { writeProject, type Project } from './project.ts';
import { takePages, type App } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';

export interface InitOptions {
  readonly organization?: string;
  readonly app?: string;
  readonly entity?: string;
  readonly name?: string;
  /** Makes what is not there, without a question. */
  readonly create?: boolean;
}

type Organization = Pick<ViewerQuery['viewer']['memberships'][number]['organization'], 'id' | 'slug'>;
type Entity = App['entity'];

/** Links the folder to an app, makes the app if it is not there, and writes a manifest if the project needs one. */
export async function runInit(caller: Caller, options: InitOptions): Promise<void> {
  const { output, folder } = caller;
  // The link of a folder above is not that of this one.
  const session = openSession(caller);
  const subdomain = options.app ?? (await askSubdomain(caller));
  const { organization, app } =
    (await findAppToLink(session, subdomain, options)) ?? (await createApp(caller, session, subdomain, options));
  const project: Project = {
    url: session.url,
    organization: organization.slug,
    entity: app.entity,
    app: { id: app.id, subdomain: app.subdomain },
  };
  const file = writeProject(folder, project);
  output.say(`Linked ${folder} to ${subdomain} on ${session.url}: ${file}`);
  const manifest = writeManifest(folder);
  if (manifest) output.say(`Wrote ${join(folder, 'windlass.json')}: ${manifest}. Look at it before you deploy.`);
  output.say('Next: windlass deploy');
  output.result(output.json ? JSON.stringify({ type: 'project', ...project }) : app.url);
}

interface AppToLink {
  readonly organization: Organization;
  readonly app: Pick<App, 'id' | 'subdomain' | 'url' | 'entity'>;
}

/** Null when it can be made. */
async function findAppToLink(
  { client }: Session,
  subdomain: string,
  { organization: named }: InitOptions,
): Promise<AppToLink | null> {
  const { productionApp, subdomainAvailability } = await client.request(AppToLinkDocument, { subdomain });
  if (productionApp) {
    const { id, url, entity } = productionApp;
    const { organization } = entity;
    if (named === undefined || named === organization.slug || named === organization.id) {
      return { organization, app: { id, subdomain, url, entity: { id: entity.id, slug: entity.slug } } };
    }
    throw new CommandError('conflict', `The app ${subdomain} is one of the organization ${organization.slug}.`);
  }
  if (subdomainAvailability.available) return null;
  // Before anything is made, so that no entity is left behind without its app.
  const isName = slugOf(subdomain) === subdomain;
  throw new CommandError(isName ? 'conflict' : 'usage', subdomainAvailability.reason!, 'Choose another --app.');
}

async function chooseOrganization(
  { output }: Caller,
  { client }: Session,
  { organization: named }: InitOptions,
): Promise<Organization> {
  const { viewer } = await client.request(ViewerDocument, {});
  const all = viewer.memberships.map(({ organization }) => organization);
  const slugs = all.map(({ slug }) => slug).join(', ');
  if (named !== undefined) {
    const found = all.find(({ slug, id }) => slug === named || id === named);
    if (found) return found;
    throw new CommandError(
      'notFound',
      `You are in no organization ${JSON.stringify(named)}.`,
      `Yours: ${slugs || 'none'}.`,
    );
  }
  if (all.length === 1) return all[0]!;
  if (all.length === 0) throw new CommandError('forbidden', 'You are in no organization.', 'Ask for an invitation.');
  if (!output.canAsk) throw usageError('You are in more than one organization.', `Add --organization: ${slugs}`);
  const { askChoice } = await import('./questions.ts');
  const choices = all.map(({ slug, name }) => ({ value: slug, label: name, hint: slug }));
  const slug = await askChoice('Which organization?', choices);
  return all.find((organization) => organization.slug === slug)!;
}

async function askSubdomain({ output, folder }: Caller): Promise<string> {
  if (!output.canAsk) throw usageError('No app was named.', 'Add --app <subdomain>, and --create if it is to be made.');
  const { askText } = await import('./questions.ts');
  return askText('The subdomain of the app', { initial: slugOf(basename(folder)) });
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);
}

async function createApp(
  caller: Caller,
  session: Session,
  subdomain: string,
  options: InitOptions,
): Promise<AppToLink> {
  const organization = await chooseOrganization(caller, session, options);
  if (!options.create) await confirmCreation(caller, subdomain, organization);
  const key = createIdempotencyKey();
  const { entity, slug } = await chooseEntity(caller, session, organization, subdomain, options);
  const { id: entityId } = entity ?? (await createEntity(session, organization, slug, options.name ?? slug, key));
  const input = { entityId, subdomain, idempotencyKey: `${key}-app` };
  const { createProductionApp } = await session.client.request(CreateProductionAppDocument, { input });
  const { id, url } = createProductionApp.productionApp;
  caller.output.say(`Made the app ${subdomain}${entity ? ` of the entity ${slug}, which was there` : ''}.`);
  return { organization, app: { id, subdomain, url, entity: { id: entityId, slug } } };
}

async function confirmCreation({ output }: Caller, subdomain: string, { slug }: Organization): Promise<void> {
  if (!output.canAsk) {
    throw new CommandError('notFound', `There is no app ${JSON.stringify(subdomain)}.`, 'Add --create to make it.');
  }
  const { askConfirmation } = await import('./questions.ts');
  if (await askConfirmation(`There is no app ${subdomain} yet. Make it in ${slug}?`)) return;
  throw new CommandError('interrupted', 'Nothing was done.');
}

/** The entity that the new app is of, or the slug of one that is to be made. */
async function chooseEntity(
  { output }: Caller,
  session: Session,
  organization: Organization,
  subdomain: string,
  { entity: named, create }: InitOptions,
): Promise<{ entity: Entity | null; slug: string }> {
  const entities = await listEntities(session, organization);
  const find = (name: string) => entities.find(({ id, slug }) => slug === name || id === name) ?? null;
  if (named?.startsWith('ent_') && !find(named)) {
    throw new CommandError('notFound', `There is no entity ${named} in ${organization.slug}.`);
  }
  let name = named ?? subdomain;
  if (named === undefined && !create && !find(name) && entities.length > 0 && output.canAsk) {
    const { askChoice } = await import('./questions.ts');
    const others = entities.map(({ id, slug, name: label }) => ({ value: id, label, hint: slug }));
    name = await askChoice('What is it an instance of?', [
      { value: subdomain, label: `A new entity: ${subdomain}` },
      ...others,
    ]);
  }
  const found = find(name);
  return { entity: found, slug: found?.slug ?? name };
}

async function listEntities({ client }: Session, { id: organizationId }: Organization) {
  return takePages(Number.MAX_SAFE_INTEGER, async (first, after) => {
    const { organization } = await client.request(EntitiesDocument, { organizationId, first, after });
    if (organization) return organization.entities;
    throw new CommandError('notFound', `There is no organization ${organizationId}.`);
  });
}

async function createEntity(
  { client }: Session,
  { id: organizationId }: Organization,
  slug: string,
  name: string,
  key: string,
): Promise<Pick<Entity, 'id'>> {
  const input = { organizationId, slug, name, idempotencyKey: `${key}-entity` };
  return (await client.request(CreateEntityDocument, { input })).createEntity.entity;
}

const STARTS = ['server.mjs', 'server.js', 'index.mjs', 'index.js', 'main.mjs', 'main.js'];
const STATIC_FOLDERS = ['public', 'site', 'www'];

/** What it says, if one was needed: docs/manifest.md has a plain package.json with a start script do. */
function writeManifest(folder: string): string | null {
  const has = (name: string) => existsSync(join(folder, name));
  if (has('windlass.json') || hasStartScript(join(folder, 'package.json'))) return null;
  const start = STARTS.find(has);
  const site = STATIC_FOLDERS.find((name) => has(`${name}/index.html`));
  const manifest = start || !site ? { start: `node ${start ?? STARTS[0]}` } : { static: site };
  writeFileSync(join(folder, 'windlass.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return JSON.stringify(manifest);
}

function hasStartScript(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: { start?: unknown } };
    return typeof scripts?.start === 'string';
  } catch {
    return false; // The server will say what is wrong with it.
  }
}
