import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PhaseFailure } from '../../domain/errors.ts';
import { ManifestError, readManifest, type Manifest } from '../../domain/manifest.ts';
import { ArchiveError, unpackArchive } from '../../packages/archive.ts';
import { Meter } from '../../packages/meter.ts';
import { requireOutput, type Phase, type PhaseContext } from '../phase.ts';
import { removeFolder } from '../../targets/removal.ts';

const ENTRIES_MAX = 200_000;

/** Streams the package from the store, checks size and hash on the way, unpacks it, and reads its manifest. */
export const download: Phase = {
  name: 'download',
  async run(context) {
    const source = join(requireOutput(context.outputs, 'workspace'), 'source');
    await removeFolder(source);
    await unpackChecked(context, source);
    return { outputs: { manifest: await loadManifest(source) } };
  },
};

async function unpackChecked(context: PhaseContext, folder: string): Promise<void> {
  const { version, packages, limits, signal, log } = context;
  const meter = new Meter(
    version.packageBytes,
    () => new ArchiveError('The package in the store is longer than the one that was pushed.'),
  );
  const source = packages.open(version.packageKey);
  let storeError: NodeJS.ErrnoException | null = null;
  source.on('error', (error) => {
    storeError = error;
    meter.destroy(error);
  });
  try {
    const archiveLimits = { bytesMax: limits.unpackedBytesMax, entriesMax: ENTRIES_MAX, links: 'refused' } as const;
    const { files, bytes } = await unpackArchive(source.pipe(meter), folder, archiveLimits, signal);
    const { sha256 } = meter.result();
    if (sha256 !== version.packageSha256) {
      throw new ArchiveError('The package in the store is not the one that was pushed: its SHA-256 differs.');
    }
    log(`Unpacked ${files} files, ${bytes} bytes; the package's SHA-256 is ${version.packageSha256}.`);
  } catch (error) {
    if (storeError !== null) throw unreadable(storeError);
    if (!(error instanceof ArchiveError)) throw error;
    throw new PhaseFailure(
      'PACKAGE_INVALID',
      error.message,
      { hint: 'Pack the version again and push it.' },
      { cause: error },
    );
  }
}

/** The store's own message may name places that are nobody else's business. */
function unreadable(cause: NodeJS.ErrnoException): PhaseFailure {
  const why = cause.code === undefined ? '' : ` (${cause.code})`;
  return new PhaseFailure(
    'DOWNLOAD_FAILED',
    `The package could not be read from the store${why}.`,
    { retryable: true, hint: 'Look whether the store can be reached and still has the package, then retry.' },
    { cause },
  );
}

async function loadManifest(folder: string): Promise<Manifest> {
  const text = (name: string) => readFile(join(folder, name), 'utf8').catch(absentAsNull);
  const exists = (name: string) =>
    stat(join(folder, name))
      .then(() => true, absentAsNull)
      .then(Boolean);
  try {
    return readManifest({
      windlassJson: await text('windlass.json'),
      packageJson: await text('package.json'),
      hasLockfile: (await exists('package-lock.json')) || (await exists('npm-shrinkwrap.json')),
      hasNodeModules: await exists('node_modules'),
    });
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const hint = 'docs/manifest.md shows what windlass.json may hold.';
    throw new PhaseFailure('MANIFEST_INVALID', error.message, { hint }, { cause: error });
  }
}

function absentAsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
