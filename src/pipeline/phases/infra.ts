import { assertSecretsAreSet } from '../app-environment.ts';
import { requireOutput, type Phase } from '../phase.ts';

/** Provisions what outlives a release: the app's data folder and its database. */
export const infra: Phase = {
  name: 'infra',
  async run({ app, target, outputs, environment, ...context }) {
    await assertSecretsAreSet(environment, requireOutput(outputs, 'manifest'));
    await target.provision(app, context);
    return {};
  },
};
