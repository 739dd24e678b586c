import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Gateway, Theatre } from './program.ts';
import { call, eventually } from './stage.ts';

/** Waits with more patience than a test of one process needs: these run several beside whatever else the machine does. */
export const soon: typeof eventually = (look) => eventually(look, 30_000);

/** What an operator does to the files of a gateway that runs, and sees of it. */
export interface Desk {
  /** Changes `gateway.yaml` as an editor does that writes beside it and renames. */
  edit(change: (yaml: string) => string): Promise<void>;
  /** The same for `merchants.yaml`, written in place. */
  editMerchants(change: (yaml: string) => string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and fail where they are not as expected
  status(): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  channel(id: string): Promise<any>;
  reloads(outcome: 'accepted' | 'refused' | 'unchanged'): Promise<number>;
  metric(name: string): Promise<number>;
  /** Waits until so many configurations have been taken. */
  taken(count: number): Promise<void>;
  reload(): ReturnType<typeof call>;
  control(channel: string, verb: string, body?: unknown): ReturnType<typeof call>;
}

export function openDesk(theatre: Theatre, gateway: Gateway): Desk {
  const merchants = join(theatre.folder, 'merchants.yaml');
  const metric: Desk['metric'] = async (name) => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line ? Number(line.slice(name.length + 1)) : 0;
  };
  const reloads: Desk['reloads'] = (outcome) => metric(`switchyard_config_reloads_total{outcome="${outcome}"}`);
  const status: Desk['status'] = async () => (await call('GET', `${gateway.adminUrl}/admin/status`)).body;
  return {
    ...{ metric, reloads, status },
    edit: async (change) => {
      const changed = change(await readFile(theatre.config, 'utf8'));
      await writeFile(`${theatre.config}.new`, changed);
      await rename(`${theatre.config}.new`, theatre.config);
    },
    editMerchants: async (change) => writeFile(merchants, change(await readFile(merchants, 'utf8'))),
    channel: async (id) => {
      const { channels } = await status();
      return channels.find((one: { channel: string }) => one.channel === id);
    },
    taken: async (count) => {
      await soon(async () => (await reloads('accepted')) >= count);
      expect(await reloads('accepted')).toBe(count);
    },
    reload: () => call('POST', `${gateway.adminUrl}/admin/config/reload`, {}),
    control: (channel, verb, body) => {
      const url = `http://127.0.0.1:${gateway.place.SANDBOX_PORT}/_control/channels/${channel}/${verb}`;
      return call(body === undefined ? 'GET' : 'POST', url, body);
    },
  };
}

/** Replaces a text within the entry of one channel; fails when it is not there. */
export function inChannel(yaml: string, id: string, from: string | RegExp, to: string): string {
  const start = yaml.indexOf(`\n  ${id}:\n`);
  const entry = yaml.slice(start);
  const changed = entry.replace(from, to);
  if (start < 0 || changed === entry) throw new Error(`${id} has no ${String(from)}`);
  return yaml.slice(0, start) + changed;
}

/** Takes the entry of one channel out. */
export function withoutChannel(yaml: string, id: string): string {
  const changed = yaml.replace(new RegExp(`\\n  ${id}:\\n(?: {4}.*\\n|\\n)*`), '\n');
  if (changed === yaml) throw new Error(`no channel ${id}`);
  return changed;
}

/** Puts the entry of one more channel before the others. */
export function withChannel(yaml: string, entry: string): string {
  return yaml.replace('\nchannels:\n', `\nchannels:\n${entry}\n`);
}
