import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/**
 * Keeps texts unreadable for whoever has the database alone. A sealed text is one byte of format, the id of its key, a
 * nonce, the tag, and the text in AES-256-GCM. It names its owner under the tag: put into another row, it does not open.
 */
export interface KeyRing {
  /** Seals with the first key. */
  seal(text: string, owner: string): Uint8Array<ArrayBuffer>;
  /** Opens with whichever key it was sealed with. Throws SealError. */
  open(sealed: Uint8Array, owner: string): string;
  /** With what everything begins that the first key sealed. */
  readonly mark: Uint8Array<ArrayBuffer>;
  /** With what everything begins that can be opened. */
  readonly marks: readonly Uint8Array<ArrayBuffer>[];
  /** Tells texts apart without telling what they are: one under each key, the first key's first. */
  fingerprints(text: string): readonly string[];
}

/** The key is not here, or what was sealed is not what it was. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

export const KEY_BYTES = 32;
const FORMAT = 1;
const ID_BYTES = 8;
const MARK_BYTES = 1 + ID_BYTES;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** The first key seals; all of them open, so that a new one can be put before the old one. */
export function createKeyRing(keys: readonly Uint8Array[]): KeyRing {
  const [first] = keys;
  if (first === undefined || keys.some((key) => key.length !== KEY_BYTES)) {
    throw new Error(`A key ring needs keys of ${KEY_BYTES} bytes.`);
  }
  const marks = keys.map(markOf);
  return {
    mark: marks[0]!,
    marks,
    seal: (text, owner) => seal(first, marks[0]!, text, owner),
    open(sealed, owner) {
      const mark = Buffer.from(sealed.subarray(0, MARK_BYTES));
      const key = keys[marks.findIndex((known) => mark.equals(known))];
      if (key === undefined) throw new SealError('It was sealed with a key that is not here.');
      return open(key, Buffer.from(sealed), owner);
    },
    fingerprints: (text) => keys.map((key) => fingerprint(key, text)),
  };
}

/** Of a key, whoever has the database may know this much. */
function markOf(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const id = createHash('sha256').update('windlass key id\0').update(key).digest().subarray(0, ID_BYTES);
  return Uint8Array.from([FORMAT, ...id]);
}

function fingerprint(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update('fingerprint\0').update(text).digest('hex');
}

function seal(key: Uint8Array, mark: Uint8Array, text: string, owner: string): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(mark, owner));
  const hidden = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Uint8Array.from(Buffer.concat([mark, nonce, cipher.getAuthTag(), hidden]));
}

function open(key: Uint8Array, sealed: Buffer, owner: string): string {
  const nonceEnd = MARK_BYTES + NONCE_BYTES;
  const tagEnd = nonceEnd + TAG_BYTES;
  if (sealed.length < tagEnd) throw new SealError('What was sealed is cut off.');
  const mark = sealed.subarray(0, MARK_BYTES);
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(MARK_BYTES, nonceEnd), { authTagLength: TAG_BYTES })
    .setAAD(boundTo(mark, owner))
    .setAuthTag(sealed.subarray(nonceEnd, tagEnd));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(tagEnd)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealError('What was sealed was changed, or belongs to something else.', { cause });
  }
}

function boundTo(mark: Uint8Array, owner: string): Buffer {
  return Buffer.concat([mark, Buffer.from(owner)]);
}
