/** `windlass logs | head` is not an error, nor is `windlass --help | head`. */
export function leaveQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // Nothing that is said from here on reaches anybody.
    process.exit(0);
  });
}
