import { describeFaults } from './config/index.ts';
import { isoTime } from './gateway/index.ts';
import type { AdminAppParts } from './http/index.ts';
import type { Reloads } from './reload.ts';

/** `config` of `/admin/status`: since when the configuration is in force, and what is wrong with a newer one that was refused. */
export function configState(reloads: Pick<Reloads, 'state'>) {
  const { loadedAt, refused } = reloads.state();
  return {
    loaded_at: isoTime(loadedAt),
    refused: refused === null ? null : { at: isoTime(refused.at), faults: refused.faults },
  };
}

/** What the admin listener shows of the configuration, and how it has the files taken. */
export function configForAdmin(reloads: Pick<Reloads, 'reload' | 'state' | 'shown'>): AdminAppParts['config'] {
  return {
    reload: async () => {
      const answer = await reloads.reload('request');
      return answer.outcome === 'refused' ? { ...answer, detail: describeFaults(answer.faults) } : answer;
    },
    shown: () => {
      const { salt, form } = reloads.shown();
      return { ...configState(reloads), salt, config: form };
    },
  };
}
