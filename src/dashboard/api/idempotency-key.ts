import { useState } from 'react';

/** A key that stays the same as long as a form is shown, so that sending it again does nothing twice. */
export function useIdempotencyKey(): string {
  const [key] = useState(randomKey);
  return key;
}

/** `crypto.randomUUID` is only there where the page comes over TLS or from the same machine. */
function randomKey(): string {
  return crypto
    .getRandomValues(new Uint8Array(16))
    .reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');
}
