import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line that any program can read. */
export default class PlainCountReporter implements Reporter {
  #isOver = false;

  /** Vitest ends with 0 when its set-up waits for something that never comes: no test has run then. */
  onInit(): void {
    process.on('exit', () => {
      if (this.#isOver) return;
      console.log('The tests ended before they were done.\n0 passed, 1 failed');
      process.exitCode = 1;
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#isOver = true;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const broken = modules.filter((module) => module.state() === 'failed' && module.children.size === 0).length;
    const failed = count('failed') + broken + unhandledErrors.length;
    const skipped = count('skipped');
    // After the default reporter's own summary.
    setImmediate(() =>
      console.log(`${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`),
    );
  }
}
