import { createRequire } from 'node:module';
import { type AliyunSmsSettings, aliyunSms } from '../../src/alerts/index.ts';
import { anAlert } from './alert.ts';

/** Sends one message and prints whether the SDK was loaded before and after it: what a process has loaded it cannot forget. */
const [settings = '', phone = ''] = process.argv.slice(2);
const { cache } = createRequire(import.meta.url);
const isLoaded = (): boolean => Object.keys(cache).some((path) => path.includes('@alicloud'));
const channel = aliyunSms(phone, JSON.parse(settings) as AliyunSmsSettings);
const before = isLoaded();
const sent = await channel.send(anAlert(), AbortSignal.timeout(10_000));
process.stdout.write(JSON.stringify({ before, after: isLoaded(), sent: sent.ok }));
