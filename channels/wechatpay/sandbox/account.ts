import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import type { AccountKeys } from './keys.ts';
import { openPlatform, type Platform } from './platform.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';

/** One merchant at the simulated WeChat: what the kit lends, its keys, and what it is like at the moment. */
export interface Account extends SimulatorOptions {
  readonly keys: AccountKeys;
  readonly platform: Platform;
  settings(): Settings;
  change(next: Settings): void;
  /** Uses up one of the announced test signatures; false when none is left. */
  takeSignTest(of: 'signTestCallbacks' | 'signTestAnswers'): boolean;
}

export function openAccount(options: SimulatorOptions, keys: AccountKeys, initial: Partial<Settings>): Account {
  let current: Settings = { ...DEFAULT_SETTINGS, ...initial };
  const settings = () => current;
  return {
    ...options,
    keys,
    platform: openPlatform(keys, { now: options.now, randomBytes: options.randomBytes, settings }),
    settings,
    change(next) {
      current = next;
    },
    takeSignTest(of) {
      if (current[of] === 0) return false;
      current = { ...current, [of]: current[of] - 1 };
      return true;
    },
  };
}
