import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFolder } from './folder.ts';

/** Holds builds until it is opened, or gone. */
export interface Gate extends Disposable {
  /** A command that ends then. */
  readonly command: string;
  open(): void;
}

export function createGate(): Gate {
  const folder = createFolder();
  const file = join(folder.path, 'open');
  return {
    command: `until test -e ${file} || ! test -d ${folder.path}; do sleep 0.05; done`,
    open() {
      if (!existsSync(file)) writeFileSync(file, '');
    },
    [Symbol.dispose]() {
      folder[Symbol.dispose]();
    },
  };
}
