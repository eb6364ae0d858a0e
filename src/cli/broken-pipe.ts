let goesOn = false;

/** `windlass logs | head` is not an error, nor is `windlass --help | head`. */
export function leaveQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // Nothing that is said from here on reaches anybody.
      if (stream === process.stdout && !goesOn) process.exit(0);
    });
  }
}

/** From here on what is done matters, and how it ends, whoever reads of it. */
export function goOnWithoutReaders(): void {
  goesOn = true;
}
