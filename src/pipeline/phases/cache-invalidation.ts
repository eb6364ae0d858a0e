import { requireOutput, type Phase } from '../phase.ts';

/** Purges what caches still hold of the release before. */
export const cacheInvalidation: Phase = {
  name: 'cache_invalidation',
  async run({ app, outputs, target, ...context }) {
    const { purge } = requireOutput(outputs, 'manifest');
    const purged = await target.purge(app, purge, context);
    context.log(`Purged ${purged} cached ${purged === 1 ? 'answer' : 'answers'} from the gateway.`);
    return {};
  },
};
