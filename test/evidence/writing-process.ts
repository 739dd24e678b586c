import { randomBytes } from 'node:crypto';
import { sealerFor } from '../../src/config/sealer.ts';
import { openEvidenceLog } from '../../src/evidence/index.ts';

/** Writes entries as fast as it can to the log that is named as its argument, and says how many it has written. */
const path = process.argv[2] ?? '';
const sealer = sealerFor(randomBytes(32), (size) => randomBytes(size));
const log = openEvidenceLog({
  ...{ path, sealer, retentionMs: 86_400_000, now: Date.now },
  onWritten: () => process.stdout.write(`${log.stats().written}\n`),
  onTrouble: (error) => process.stderr.write(`${error.message}\n`),
});
for (;;) {
  for (let n = 0; n < 100; n += 1) {
    log.append({
      ...{ at: Date.now(), kind: 'callback', paymentId: null, channelId: 'alipay-main', what: 'callback' },
      ...{ outcome: 'applied', details: { n }, messages: { body: 'x'.repeat(n * 50) } },
    });
  }
  await new Promise(setImmediate);
}
