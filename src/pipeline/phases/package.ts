import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PhaseFailure } from '../../domain/errors.ts';
import { ArchiveError, itemsOfFolder, packArchive } from '../../packages/archive.ts';
import { Meter } from '../../packages/meter.ts';
import { requireOutput, type Phase } from '../phase.ts';

/** Makes the immutable artifact. Its name is its hash, so that the same build is stored once. */
export const packagePhase: Phase = {
  name: 'package',
  async run({ outputs, packages, signal, log }) {
    const workspace = requireOutput(outputs, 'workspace');
    const file = join(workspace, 'artifact.tar.gz');
    // A new file: what an interrupted attempt has open must not be this one.
    await rm(file, { force: true });
    const { sha256, bytes } = await writeArtifact(join(workspace, 'source'), file, signal);
    const artifactKey = `artifacts/${sha256}.tar.gz`;
    if (await packages.has(artifactKey)) {
      log(`The artifact ${sha256} is stored already.`);
    } else {
      await packages.put(artifactKey, createReadStream(file), { bytesMax: bytes, signal });
      log(`Stored the artifact ${sha256}, ${bytes} bytes.`);
    }
    await rm(file);
    return { outputs: { artifactKey, artifactSha256: sha256 } };
  },
};

async function writeArtifact(folder: string, file: string, signal: AbortSignal) {
  const meter = new Meter();
  try {
    await pipeline(packArchive(await itemsOfFolder(folder)), meter, createWriteStream(file), { signal });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const hint = 'Make the build copy what it needs instead of linking to it, and leave out what is too deep.';
    throw new PhaseFailure(
      'BUILD_FAILED',
      `The build's result cannot be packed: ${error.message}`,
      { hint },
      { cause: error },
    );
  }
  return meter.result();
}
