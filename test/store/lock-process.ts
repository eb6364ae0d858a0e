// Locks each folder that it is told on a line of its input, says how that went, and holds what it got until it ends.
import { createInterface } from 'node:readline';
import { lockDataFolder } from '../../src/store/data-lock.ts';

for await (const folder of createInterface({ input: process.stdin })) {
  const answer = await lockDataFolder(folder).then(
    () => ({ folder, held: true, error: null }),
    (error: Error) => ({ folder, held: false, error: `${error.name}: ${error.message}` }),
  );
  console.log(JSON.stringify(answer));
}
