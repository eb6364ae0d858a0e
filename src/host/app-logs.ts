import { SealError, type KeyRing } from '../domain/sealing.ts';
import type { EventBus } from '../events/bus.ts';
import { openRuntimeLog, type RuntimeLogWriter } from '../store/runtime-logs.ts';
import { loadAppEnvironment } from '../targets/app-environment.ts';
import { appFolders } from '../targets/app-folders.ts';
import { createMask, MASKED, type Mask } from '../targets/masking.ts';
import { openEnvironment } from '../targets/release-environment.ts';
import { secretsOf, secretsOfVariables } from '../targets/secrets.ts';
import type { Log } from '../telemetry.ts';
import { collectOutput, findOutput, type OutputCollector } from './output.ts';

export interface AppLogs {
  /** Stores one line of Windlass about a release. What cannot be stored is told to the operator only. */
  tell(release: LoggedRelease, message: string): Promise<void>;
  /** Stores what one start of a release prints. */
  collect(release: LoggedRelease, outputName: string): Promise<OutputCollector>;
  /** Stores what is left of the starts of a release that have ended, but for one that has not. */
  collectLeftovers(release: LoggedRelease, running: string | null): Promise<void>;
  /** Called when no release of an app is hosted any more. */
  close(productionAppId: string): Promise<void>;
  closeAll(): Promise<void>;
}

export interface LoggedRelease {
  readonly id: string;
  readonly productionAppId: string;
  readonly deploymentId: string;
  readonly sealedEnvironment: Uint8Array | null;
}

/** The runtime logs of the apps of this machine, of which this process is the only writer. */
export function createAppLogs({
  appsFolder,
  runtimeLogBytesMax,
  bus,
  keyRing,
  log,
}: {
  readonly appsFolder: string;
  readonly runtimeLogBytesMax: number;
  readonly bus: EventBus;
  readonly keyRing: KeyRing;
  readonly log: Log;
}): AppLogs {
  const writers = new Map<string, Promise<RuntimeLogWriter>>();

  function writerOf(productionAppId: string): Promise<RuntimeLogWriter> {
    const open = writers.get(productionAppId);
    if (open) return open;
    const opened = openRuntimeLog(appFolders(appsFolder, productionAppId).logs, runtimeLogBytesMax);
    writers.set(productionAppId, opened);
    opened.catch(() => writers.delete(productionAppId));
    return opened;
  }

  /** When nobody knows what is secret, all of it is: an app that runs is not ended because its key is gone. */
  async function maskOf(release: LoggedRelease): Promise<Mask> {
    const provisioned = await loadAppEnvironment(appFolders(appsFolder, release.productionAppId).root);
    try {
      return createMask([...secretsOf(provisioned), ...secretsOfVariables(openEnvironment(keyRing, release))]);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      onProblem(release, error);
      return () => MASKED;
    }
  }

  const onStored = (productionAppId: string) => bus.publish(`runtime:${productionAppId}`, { kind: 'runtime' });
  const onProblem = ({ id }: LoggedRelease, error: unknown) =>
    log.error({ err: error, releaseId: id }, 'The output of a release could not be stored');

  async function collect(release: LoggedRelease, outputName: string): Promise<OutputCollector> {
    const { productionAppId, deploymentId } = release;
    return collectOutput(appFolders(appsFolder, productionAppId).output, outputName, {
      log: await writerOf(productionAppId),
      deploymentId,
      mask: await maskOf(release),
      onStored: () => onStored(productionAppId),
      onProblem: (error) => onProblem(release, error),
    });
  }

  async function close(productionAppId: string): Promise<void> {
    const writer = writers.get(productionAppId);
    writers.delete(productionAppId);
    await (await writer)?.close();
  }

  return {
    collect,
    close,
    closeAll: async () => void (await Promise.all([...writers.keys()].map(close))),
    async tell(release, message) {
      const { productionAppId, deploymentId } = release;
      try {
        const writer = await writerOf(productionAppId);
        const masked = (await maskOf(release))(message);
        await writer.append([{ deploymentId, stream: 'system', message: masked, truncated: false }]);
        onStored(productionAppId);
      } catch (error) {
        onProblem(release, error);
      }
    },
    async collectLeftovers(release, running) {
      const names = await findOutput(appFolders(appsFolder, release.productionAppId).output, release.id);
      for (const name of names) {
        if (name !== running) await (await collect(release, name)).finish();
      }
    },
  };
}
