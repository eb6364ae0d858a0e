import { createHash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { readManifest, type Manifest } from '../../src/domain/manifest.ts';
import { createFolderStore } from '../../src/packages/folder.ts';
import type { PackageStore } from '../../src/packages/store.ts';
import { createPublicHosts } from '../../src/packages/public-hosts.ts';
import { runCommand } from '../../src/pipeline/command.ts';
import type { Isolation } from '../../src/pipeline/isolation.ts';
import type { Phase, PhaseContext, PhaseOutputs, PhaseResult } from '../../src/pipeline/phase.ts';
import type { Variable } from '../../src/domain/environment.ts';
import type { Target } from '../../src/targets/target.ts';
import { createFolder } from './folder.ts';
import { until } from './until.ts';

/** One phase alone, on real folders and processes, without a database. */
export interface StartedPhase extends AsyncDisposable {
  readonly done: Promise<PhaseResult>;
  readonly lines: string[];
  readonly workspace: string;
  readonly packages: PackageStore;
  /** What ran before, as the phase's record of migrations. */
  readonly migrated: Set<string>;
  untilLine(pattern: RegExp): Promise<void>;
  cancel(): void;
  /** What a forced cancel does. */
  cancelHard(): void;
}

export interface PhaseSetup {
  readonly manifest?: Partial<Manifest>;
  readonly outputs?: PhaseOutputs;
  /** The package in the store; its hash may be wrong on purpose. */
  readonly archive?: Buffer;
  readonly claimedSha256?: string;
  readonly migrated?: readonly string[];
  readonly variables?: readonly Variable[];
  readonly isolation?: Isolation;
  readonly buildNetwork?: boolean;
  /** What the app was provisioned with. */
  readonly provisioned?: Readonly<Record<string, string>>;
}

export async function startPhase(phase: Phase, setup: PhaseSetup = {}): Promise<StartedPhase> {
  const folder = createFolder();
  const workspace = join(folder.path, 'workspaces', 'dep_test');
  const packages = createFolderStore(join(folder.path, 'packages'));
  const archive = setup.archive ?? Buffer.from('none');
  await packages.put('packages/test.tar.gz', Readable.from([archive]), { bytesMax: archive.length });
  const lines: string[] = [];
  const [soft, hard] = [new AbortController(), new AbortController()];
  const marker = randomUUID();
  const migrated = new Set(setup.migrated);
  const writer = {
    enter: () => {},
    write: ({ message }: { message: string }) => void lines.push(message),
    untilRoom: async () => {},
    flush: async () => lines.length,
  };
  const context: PhaseContext = {
    claim: { deploymentId: 'dep_test', run: 1 },
    app: { id: 'app_test', subdomain: 'test', buildNetwork: setup.buildNetwork ?? false },
    version: {
      id: 'ver_test',
      version: 'v1',
      packageKey: 'packages/test.tar.gz',
      packageBytes: archive.length,
      packageSha256: setup.claimedSha256 ?? createHash('sha256').update(archive).digest('hex'),
      manifest: null,
    },
    outputs: {
      workspace,
      manifest: {
        ...readManifest({
          windlassJson: '{"start":"true"}',
          packageJson: null,
          hasLockfile: false,
          hasNodeModules: false,
        }),
        ...setup.manifest,
      },
      artifactSha256: 'artifact',
      ...setup.outputs,
    },
    // The phases that need more of one are tested with a real host.
    target: { environment: async () => ({ ...setup.provisioned }) } as unknown as Target,
    packages,
    workspacesFolder: join(folder.path, 'workspaces'),
    limits: { packageBytesMax: 10_000_000, unpackedBytesMax: 10_000_000 },
    migrations: {
      has: async (key) => migrated.has(key),
      add: async (key) => void migrated.add(key),
      markIrreversible: async () => {},
    },
    environment: { load: async () => setup.variables ?? [] },
    reusable: { source: null, outputs: new Map() },
    signal: soft.signal,
    log: (message) => void lines.push(message),
    run: (command, options) =>
      runCommand(
        {
          writer,
          signal: options.isUninterrupted ? hard.signal : soft.signal,
          killGraceMs: 500,
          commandPath: process.env['PATH'] ?? '',
          workspace,
          isolation: setup.isolation ?? { sandbox: null, hosts: createPublicHosts([]), mirrors: {} },
          app: { id: 'app_test', buildNetwork: setup.buildNetwork ?? false },
          marker,
        },
        command,
        options,
      ),
  };
  const done = phase.run(context);
  done.catch(() => {}); // The test looks at it.
  return {
    done,
    lines,
    workspace,
    packages,
    migrated,
    async untilLine(pattern) {
      await until(`the phase logs ${pattern}`, () => lines.some((line) => pattern.test(line)));
    },
    cancel: () => soft.abort(new Error('cancelled')),
    cancelHard() {
      hard.abort(new Error('cancelled by force'));
      soft.abort(new Error('cancelled by force'));
    },
    async [Symbol.asyncDispose]() {
      hard.abort();
      soft.abort();
      await done.catch(() => {});
      folder[Symbol.dispose]();
    },
  };
}

/** A phase whose package was unpacked before, as `download` leaves it. */
export async function startPhaseIn(
  phase: Phase,
  files: Readonly<Record<string, string>>,
  setup: PhaseSetup = {},
): Promise<StartedPhase> {
  const folder = createFolder();
  const workspace = folder.path;
  await mkdir(join(workspace, 'source'), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(workspace, 'source', name), content);
  const started = await startPhase(phase, { ...setup, outputs: { workspace, ...setup.outputs } });
  return {
    ...started,
    workspace,
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
