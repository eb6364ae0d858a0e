import { variablesFor } from '../app-environment.ts';
import { requireOutput, type Phase } from '../phase.ts';
import { openBuiltFolder } from './built-folder.ts';

/**
 * Runs the package's migration commands against the app's database, once for each artifact.
 *
 * Never undone: when a later phase fails, the schema stays ahead of the code that still serves. That is why migrations
 * must work with the release before them. A worker that dies between the last command and the record runs them again,
 * so that they must be safe to repeat, as those of migration tools are.
 */
export const migrate: Phase = {
  name: 'migrate',
  async run(context) {
    const { app, outputs, migrations, environment, target, run, signal, log } = context;
    const manifest = requireOutput(outputs, 'manifest');
    const artifact = requireOutput(outputs, 'artifactSha256');
    const cwd = await openBuiltFolder(context);
    const variables = await variablesFor(environment, 'migrate');
    const provisioned = await target.environment(app);
    const env = { ...manifest.env, ...variables, ...provisioned };
    const writable = provisioned['DATA_DIR'] === undefined ? [] : [provisioned['DATA_DIR']];
    if (manifest.irreversible) {
      // Before the first command: one that fails half-way has changed the database, too.
      await migrations.markIrreversible();
      log('These migrations are marked as irreversible: a rollback to before them is refused unless it is forced.');
    }
    for (const command of manifest.migrate) {
      signal.throwIfAborted();
      const options = { cwd, env, writable, reachesDatabase: true, isUninterrupted: true };
      await run(command, { failureCode: 'MIGRATION_FAILED', ...options });
    }
    await migrations.add(artifact);
    return {};
  },
};
