import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Loaded before a program (`--import`): its clock differs from the machine's by the milliseconds in the file CLOCK_OFFSET_FILE,
 * which is read again at every SIGUSR2. What was read is written beside it, so that who has set the clock can wait for it.
 */
const path = process.env.CLOCK_OFFSET_FILE ?? '';
const machineNow = Date.now;
let offsetMs = 0;

function setClock(): void {
  offsetMs = Number(readFileSync(path, 'utf8'));
  writeFileSync(`${path}.${process.pid}`, String(offsetMs));
}

// First, since without it the signal ends the process; what is written beside the file says that it may come.
process.on('SIGUSR2', setClock);
setClock();
Date.now = () => machineNow() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args) => (args.length === 0 ? new target(target.now()) : Reflect.construct(target, args)),
});
