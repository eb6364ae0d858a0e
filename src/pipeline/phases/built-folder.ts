import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACT_LIMITS, unpackArchive } from '../../packages/archive.ts';
import { requireOutput, type PhaseContext } from '../phase.ts';

/**
 * The folder as the build left it. Where an earlier deployment's artifact stands for the build, it is unpacked here: the
 * two hold the same.
 */
export async function openBuiltFolder({ outputs, packages, signal, log }: PhaseContext): Promise<string> {
  const folder = join(requireOutput(outputs, 'workspace'), 'source');
  if (await exists(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const artifact = packages.open(requireOutput(outputs, 'artifactKey'));
  const { files } = await unpackArchive(artifact, unfinished, ARTIFACT_LIMITS, signal);
  await rename(unfinished, folder);
  log(`Unpacked ${files} files of the stored artifact.`);
  return folder;
}

function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
