import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { newId } from '../../../src/payment/index.ts';
import { openSqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, paid } from '../../contract/payments.ts';

/**
 * A process that writes until it is killed: `writing-process.ts <file>`. Prints `<payment id> <version>` for every write that
 * was acknowledged, after the acknowledgement.
 */
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: writing-process.ts <file>');
const store = openSqliteStore({ path });

async function write(): Promise<never> {
  for (;;) {
    const id = newId('pay', 1_767_225_600_000, randomBytes);
    const payment = aPayment({ id, merchantOrderNo: id });
    await store.insert(payment);
    writeSync(1, `${id} 1\n`);
    for (const next of paid(payment, `T${id}`)) {
      await store.update(next);
      writeSync(1, `${id} ${next.version}\n`);
    }
  }
}

await Promise.all(Array.from({ length: 16 }, write));
