import { join } from 'node:path';
import { variablesFor } from '../app-environment.ts';
import { requireOutput, type Phase } from '../phase.ts';

/** Runs the manifest's build commands in the unpacked package. They see no database: a build must not depend on one. */
export const build: Phase = {
  name: 'build',
  async run({ outputs, environment, run }) {
    const { build: commands, ...manifest } = requireOutput(outputs, 'manifest');
    const env = { ...manifest.env, ...(await variablesFor(environment, 'build')) };
    const cwd = join(requireOutput(outputs, 'workspace'), 'source');
    for (const command of commands) await run(command, { failureCode: 'BUILD_FAILED', cwd, env });
    return {};
  },
};
