import { createPublicHosts } from '../../src/packages/public-hosts.ts';
import type { Isolation } from '../../src/pipeline/isolation.ts';
import { openSandbox, SandboxError, type Sandbox } from '../../src/targets/sandbox.ts';

const LIMITS = { memoryBytes: 256 * 1024 * 1024, processes: 64, diskBytes: 64 * 1024 * 1024 };

async function open(): Promise<Sandbox | null> {
  try {
    const commandPath = process.env['PATH'] ?? '';
    return await openSandbox({ commandPath, folders: [], limits: LIMITS });
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    console.error(`\n!!! THE TESTS OF THE SANDBOX ARE SKIPPED: ${error.message}\n`);
    return null;
  }
}

/** Null where this machine cannot isolate anything. */
export const SANDBOX: Sandbox | null = await open();

/** Nothing is isolated where there is no sandbox: tests that need one are skipped there. */
export function isolation(allowed: readonly string[] = []): Isolation {
  return {
    sandbox: SANDBOX,
    hosts: createPublicHosts(allowed),
    mirrors: { npm_config_registry: 'http://mirror.test/' },
  };
}
