import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error.ts';

/** What a folder is linked to, in `.windlass/project.json`. It holds no secret and may be committed. */
export interface Project {
  readonly url: string;
  readonly organization: string;
  readonly entity: { readonly id: string; readonly slug: string };
  readonly app: { readonly id: string; readonly subdomain: string };
}

/** A linked folder. */
export interface LinkedProject extends Project {
  readonly folder: string;
}

function projectFile(folder: string): string {
  return join(folder, '.windlass', 'project.json');
}

/** The link of a folder, or of the next one above it that has one. */
export function findProject(from: string): LinkedProject | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(projectFile(folder))) return { ...readProject(projectFile(folder)), folder };
    if (folder === dirname(folder)) return null;
  }
}

function readProject(file: string): Project {
  try {
    const project = JSON.parse(readFileSync(file, 'utf8')) as Project;
    const texts = [project.url, project.organization, project.entity.id, project.app.id, project.app.subdomain];
    if (texts.every((text) => typeof text === 'string') && URL.canParse(project.url)) return project;
  } catch {
    // As wrong as one that lacks something.
  }
  throw new CommandError('usage', `${file} is not what "windlass init" writes.`, 'Remove it, and run "windlass init".');
}

export function writeProject(folder: string, project: Project): string {
  const file = projectFile(folder);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(project, null, 2)}\n`);
  } catch (cause) {
    throw new CommandError('usage', `${file} cannot be written: ${(cause as Error).message}`, null, { cause });
  }
  return file;
}
