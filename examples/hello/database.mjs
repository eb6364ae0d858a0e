import sqlite from 'node-sqlite3-wasm';

/** The database that Windlass made for this app. */
export function openDatabase() {
  const database = new sqlite.Database(new URL(process.env.DATABASE_URL).pathname);
  return {
    /** Runs again while another process of this app writes. */
    write(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return work(database);
        } catch (error) {
          if (attempt === 50 || !/locked|busy/i.test(String(error))) throw error;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        }
      }
    },
    close: () => database.close(),
  };
}
