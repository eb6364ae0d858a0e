import { mkdir } from 'node:fs/promises';
import { PhaseFailure } from '../../domain/errors.ts';
import { keepsArtifact } from '../../domain/plan.ts';
import type { PackageStore } from '../../packages/store.ts';
import { assertSecretsAreSet } from '../app-environment.ts';
import { workspaceOf } from '../fence.ts';
import type { Phase } from '../phase.ts';

/** Checks that there is something to ship, and opens the workspace. */
export const orchestrate: Phase = {
  name: 'orchestrate',
  async run({ app, version, packages, workspacesFolder, reusable, environment, claim, log }) {
    log(`Shipping version ${version.version} to ${app.subdomain}.`);
    const artifactKey = keepsArtifact(reusable.source) && reusable.outputs.get('package')?.artifactKey;
    if (artifactKey) await assertArtifact(packages, artifactKey, reusable.source!.number);
    else if (!(await packages.has(version.packageKey))) {
      throw new PhaseFailure('PACKAGE_INVALID', `The package of version ${version.version} is not in the store.`, {
        hint: 'Push the version again, and look whether the data folder is the one it was pushed to.',
      });
    }
    await assertSecretsAreSet(environment, version.manifest ?? {});
    const workspace = workspaceOf(workspacesFolder, claim);
    await mkdir(workspace, { recursive: true });
    return { outputs: { workspace } };
  },
};

async function assertArtifact(packages: PackageStore, key: string, number: number): Promise<void> {
  if (await packages.has(key)) return;
  throw new PhaseFailure('PACKAGE_INVALID', `The artifact of deployment ${number} is not in the store any more.`, {
    hint: 'Trigger the version again: it is built afresh.',
  });
}
