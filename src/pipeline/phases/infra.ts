import type { Phase } from '../phase.ts';

/** Provisions what outlives a release: the app's data folder and its database. */
export const infra: Phase = {
  name: 'infra',
  async run({ app, target, ...context }) {
    await target.provision(app, context);
    return {};
  },
};
