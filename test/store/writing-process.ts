// Writes rows to the embedded database of a folder, two at a time, and prints the id of each that is acknowledged.
import { createId } from '../../src/domain/ids.ts';
import { openDatabase } from '../../src/store/db.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';

const { prisma, pool } = await openDatabase({ folder: process.argv[2]! });
await migrateDatabase(pool);

async function write(): Promise<never> {
  for (;;) {
    const id = createId('User');
    await prisma.$transaction([
      prisma.user.create({ data: { id, name: 'x'.repeat(1_000) } }),
      prisma.organization.create({ data: { id, slug: id, name: 'with the user or not at all' } }),
    ]);
    console.log(id);
  }
}

await Promise.all([write(), write()]);
