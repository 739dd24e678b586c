import { freePorts } from '../../bench/processes.ts';

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function aFreePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('no free port');
  return port;
}
