import { requireOutput, type Phase } from '../phase.ts';

/** Starts the new release beside the old one, waits until it is healthy, and switches the traffic in one step. */
export const serviceDeploy: Phase = {
  name: 'service_deploy',
  async run({ app, outputs, target, environment, ...context }) {
    const manifest = requireOutput(outputs, 'manifest');
    const plan = {
      artifactKey: requireOutput(outputs, 'artifactKey'),
      artifactSha256: requireOutput(outputs, 'artifactSha256'),
      service: manifest.service,
      healthPath: manifest.health.path,
      healthTimeoutMs: manifest.health.timeoutMs,
      watchMs: manifest.health.watchMs,
      drainMs: manifest.drainMs,
      env: manifest.env,
      variables: (await environment.load()).filter(({ phases }) => phases.includes('service_deploy')),
    };
    const releaseId = await target.startRelease(app, plan, context);
    await target.switchTraffic(releaseId, context);
    return { outputs: { releaseId } };
  },
};
