import type { PhaseName } from '../../generated/gql/graphql.ts';

/** The phases in the words of the page, in the order in which they come. */
export const PHASE_NAMES: Record<PhaseName, string> = {
  ORCHESTRATE: 'Orchestrate',
  DOWNLOAD: 'Download',
  INFRA: 'Infra',
  BUILD: 'Build',
  PACKAGE: 'Package',
  MIGRATE: 'Migrate',
  SERVICE_DEPLOY: 'Deploy',
  CACHE_INVALIDATION: 'Cache',
};
