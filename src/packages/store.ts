import type { Readable } from 'node:stream';

export interface StoredObject {
  readonly bytes: number;
  /** Hexadecimal, computed while the object arrived. */
  readonly sha256: string;
}

/**
 * Keeps packages and artifacts under keys such as `artifacts/9f86….tar.gz`. An object appears whole or not at all and
 * never changes. Leaves out listing and partial reads: nothing needs them.
 */
export interface PackageStore {
  /** Stores a stream. Throws PackageTooLargeError, keeping nothing, when it is longer than `bytesMax`. */
  put(key: string, source: Readable, options: { bytesMax: number; signal?: AbortSignal }): Promise<StoredObject>;
  /** The bytes of an object. The stream fails with ENOENT when there is none. */
  open(key: string): Readable;
  has(key: string): Promise<boolean>;
  /** No error when there is no such object. */
  remove(key: string): Promise<void>;
}

export class PackageTooLargeError extends Error {
  override readonly name = 'PackageTooLargeError';
  readonly bytesMax: number;
  constructor(bytesMax: number) {
    super(`The package is larger than the limit of ${bytesMax} bytes.`);
    this.bytesMax = bytesMax;
  }
}
