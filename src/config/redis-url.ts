import type { RedisTarget } from '../ephemeral/port.ts';
import { err, ok, type Result } from '../payment/index.ts';

const SHAPE = /^(redis|rediss)(\+cluster)?:\/\/(?:([^@/]*)@)?([^@/]+)(?:\/(\d{1,5})?)?$/;
const NODE = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const PORT = 6379;
const NODES_MAX = 50;
const WANTED =
  'must be redis://host:6379, rediss:// for TLS, or redis+cluster://host1:6379,host2:6379; a password as redis://:password@host, percent-encoded';

/** Reads `REDIS_URL`. What is wrong is told without the value, which may hold a password. */
export function readRedisUrl(text: string): Result<RedisTarget, string> {
  const [, scheme, cluster, login, hosts = '', database = '0'] = SHAPE.exec(text) ?? [];
  const nodes = hosts.split(',').map(readNode);
  if (scheme === undefined || nodes.length > NODES_MAX) return err(WANTED);
  if (cluster === undefined && nodes.length > 1) return err(`${WANTED}; several nodes are those of a redis+cluster://`);
  if (cluster !== undefined && database !== '0') return err('names a database, and a cluster has none');
  const [username = '', password = ''] = (login ?? '').split(/:(.*)/s).map(decoded);
  const known = nodes.filter((node) => node !== null);
  if (username === null || password === null || known.length < nodes.length) return err(WANTED);
  return ok({
    ...{ nodes: known, cluster: cluster !== undefined, tls: scheme === 'rediss', database: Number(database) },
    ...{ username: username === '' ? null : username, password: password === '' ? null : password },
  });
}

function readNode(text: string): RedisTarget['nodes'][number] | null {
  const [, host, port] = NODE.exec(text) ?? [];
  if (host === undefined || Number(port ?? PORT) > 65_535) return null;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? PORT) };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
