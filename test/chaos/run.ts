import { parseArgs } from 'node:util';
import { chanceOf } from './chance.ts';
import { type Fate, type MassReport, sellALot } from './mass.ts';
import { openShop } from './shop.ts';
import { openSite } from './site.ts';

/**
 * Sells a lot through real processes while callbacks get lost, are doubled and come late, then compares all books. Exit code 1
 * when they differ.
 *
 *   npm run chaos -- --payments 100000 [--lost 10% --duplicated 10% --delayed 5% --buyers 16 --seed 1]
 */
const { values: given } = parseArgs({
  options: {
    payments: { type: 'string', default: '2000' },
    lost: { type: 'string', default: '10%' },
    duplicated: { type: 'string', default: '10%' },
    delayed: { type: 'string', default: '5%' },
    /** How many buy at the same time. */
    buyers: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
  },
});
const out = (text: string): void => void process.stdout.write(`${text}\n`);

function share(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1] ?? Number.NaN);
  if (!(percent <= 100)) throw new Error(`${text} is not a share; write it with a percent sign, for example 10%`);
  return percent / 100;
}

function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new Error(`${text} is not a number of payments or buyers`);
}

function describe({ known, counted, rssBytes, ...report }: MassReport): void {
  const mebibytes = (bytes: number | null): string => (bytes === null ? '?' : `${Math.round(bytes / 2 ** 20)} MiB`);
  for (const fate of ['sent', 'lost', 'duplicated', 'delayed'] satisfies Fate[]) {
    const { payments, msMax } = known[fate];
    out(`callback ${fate.padEnd(10)}  ${String(payments).padStart(7)} payments, known after ${msMax} ms at most`);
  }
  out(
    `known by callback ${counted.byCallback}, by question ${counted.byQuery}, later than a minute ${counted.aboveAMinute}`,
  );
  out(`${report.refunds} refunds`);
  const { start, half, end } = rssBytes;
  out(`gateway RSS ${mebibytes(start)} at the start, ${mebibytes(half)} at half, ${mebibytes(end)} at the end`);
  out(`${Math.round(report.seconds)} s; ${report.differences.length} differences`);
  for (const difference of report.differences.slice(0, 50)) out(`  ${difference}`);
}

async function main(): Promise<void> {
  const fates = { lost: share(given.lost), duplicated: share(given.duplicated), delayed: share(given.delayed) };
  const payments = count(given.payments);
  out(`seed ${given.seed}`);
  const shop = await openShop();
  const site = await openSite();
  try {
    await site.sandbox.start();
    await site.gateway.start();
    const report = await sellALot({
      ...{ site, shop, chance: chanceOf(Number(given.seed)), payments, fates, buyers: count(given.buyers) },
      onProgress: (done) => {
        if (done % 5_000 === 0) out(`${done} paid after ${Math.round(process.uptime())} s`);
      },
    });
    describe(report);
    process.exitCode = report.differences.length > 0 ? 1 : 0;
  } finally {
    await site.close();
    await shop.close();
  }
}

await main();
