import { describeFaults } from './config/index.ts';
import type { SharedConfig } from './config-sync.ts';
import { isoTime } from './gateway/index.ts';
import type { AdminAppParts, ConfigStatus } from './http/index.ts';
import type { Reloads } from './reload.ts';

type Shared = Pick<SharedConfig, 'state' | 'reloadOthers'> | null;

/** `config` of `/admin/status`: what is in force since when, what is wrong with a newer one, and what the other replicas run by. */
export function configState(reloads: Pick<Reloads, 'state'>, shared: Shared): ConfigStatus {
  const { digest, loadedAt, refused } = reloads.state();
  return {
    digest,
    loaded_at: isoTime(loadedAt),
    refused: refused && { at: isoTime(refused.at), faults: refused.faults, detail: describeFaults(refused.faults) },
    replicas: shared && replicasOf(shared),
  };
}

function replicasOf(shared: NonNullable<Shared>): NonNullable<ConfigStatus['replicas']> {
  const { replicas, variants, differsSince } = shared.state();
  return {
    variants,
    differ_since: differsSince === null ? null : isoTime(differsSince),
    list: replicas.map(({ id, digest, loadedAt, refused }) => ({ id, digest, loaded_at: isoTime(loadedAt), refused })),
  };
}

/** What the admin listener shows of the configuration, and how it has the files taken, here and by every other replica. */
export function configForAdmin(
  reloads: Pick<Reloads, 'reload' | 'state' | 'shown'>,
  shared: Shared,
): AdminAppParts['config'] {
  return {
    reload: async () => {
      const answer = await reloads.reload('request');
      // Whatever came of it here: each replica reads its own files, and judges for itself.
      const told = shared === null ? null : await shared.reloadOthers();
      if (answer.outcome !== 'refused') return { ...answer, replicas_told: told };
      return { ...answer, replicas_told: told, detail: describeFaults(answer.faults) };
    },
    shown: () => {
      const { salt, form } = reloads.shown();
      return { ...configState(reloads, shared), salt, config: form };
    },
  };
}
