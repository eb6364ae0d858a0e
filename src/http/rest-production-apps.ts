import { z } from 'zod';
import { PHASES } from '../domain/deployment.ts';
import { notFound } from '../domain/errors.ts';
import {
  RestCheckSubdomainDocument,
  RestCreateProductionAppDocument,
  RestDeleteProductionAppDocument,
  RestProductionAppDetailsDocument,
  RestProductionAppsDocument,
  RestUpdateProductionAppDocument,
  type RestProductionAppFragment,
} from '../generated/gql/graphql.ts';
import { parseInput } from '../operations/input.ts';
import { jsonObject, optionalText, overlapText, pageAnswer, pageQuery, text, type Route } from './route.ts';

const optionalFlag = z.boolean({ error: 'must be true or false' }).nullish();
const listQuery = z.object({
  organizationId: z.string().optional(),
  entityId: z.string().optional(),
  ...pageQuery,
});
const phaseText = z
  .enum(PHASES, { error: `must be of ${PHASES.join(', ')}` })
  .transform((phase) => phase.toUpperCase() as Uppercase<typeof phase>);
const variable = jsonObject({
  name: text,
  value: optionalText,
  isSecret: optionalFlag,
  phases: z.array(phaseText, { error: 'must be a list' }).nullish(),
});
const settings = {
  overlap: overlapText,
  buildNetwork: optionalFlag,
  environment: z.array(variable, { error: 'must be a list' }).nullish(),
};
const createBody = jsonObject({ entityId: text, subdomain: text, ...settings });
const updateBody = jsonObject({ subdomain: optionalText, ...settings });
const checkQuery = z.object({ value: text, excludeId: optionalText });

export const PRODUCTION_APP_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/production-apps',
    async handle(run, { query, url }) {
      const given = parseInput(listQuery, Object.fromEntries(query));
      const { productionAppsPage } = await run(RestProductionAppsDocument, given);
      return pageAnswer(url, productionAppsPage, restProductionApp);
    },
  },
  {
    method: 'POST',
    path: '/api/production-apps',
    async handle(run, { body, headers }) {
      const input = { ...parseInput(createBody, body), idempotencyKey: headers.idempotencyKey };
      const { productionApp, replayed } = (await run(RestCreateProductionAppDocument, { input })).createProductionApp;
      return {
        status: replayed ? 200 : 201,
        body: restProductionApp(productionApp),
        headers: { location: `/api/production-apps/${productionApp.id}` },
      };
    },
  },
  {
    method: 'GET',
    path: '/api/production-apps/{id}',
    async handle(run, { params }) {
      const id = params['id']!;
      const { productionApp } = await run(RestProductionAppDetailsDocument, { id });
      if (!productionApp) throw notFound('production app', id);
      return { status: 200, body: restProductionApp(productionApp) };
    },
  },
  {
    method: 'PATCH',
    path: '/api/production-apps/{id}',
    async handle(run, { params, body }) {
      const input = { ...parseInput(updateBody, body), id: params['id']! };
      const { updateProductionApp } = await run(RestUpdateProductionAppDocument, { input });
      return { status: 200, body: restProductionApp(updateProductionApp.productionApp) };
    },
  },
  {
    method: 'DELETE',
    path: '/api/production-apps/{id}',
    async handle(run, { params }) {
      const input = { id: params['id']! };
      const { deleteProductionApp } = await run(RestDeleteProductionAppDocument, { input });
      return { status: 200, body: restProductionApp(deleteProductionApp.productionApp) };
    },
  },
  {
    method: 'GET',
    path: '/api/subdomains/check',
    async handle(run, { query }) {
      const { value, excludeId } = parseInput(checkQuery, Object.fromEntries(query));
      const { subdomainAvailability } = await run(RestCheckSubdomainDocument, { subdomain: value, excludeId });
      return { status: 200, body: subdomainAvailability };
    },
  },
];

function restProductionApp(app: RestProductionAppFragment) {
  const {
    id,
    entity,
    subdomain,
    url,
    health,
    overlap,
    buildNetwork,
    environment,
    liveDeployment,
    createdAt,
    deletedAt,
  } = app;
  return {
    id,
    entityId: entity.id,
    subdomain,
    url,
    health: health.toLowerCase(),
    overlap: overlap.toLowerCase(),
    buildNetwork,
    environment: environment.map(({ phases, ...shown }) => ({
      ...shown,
      phases: phases.map((phase) => phase.toLowerCase()),
    })),
    liveDeploymentId: liveDeployment?.id ?? null,
    createdAt,
    deletedAt,
  };
}
