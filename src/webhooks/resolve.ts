import { type LookupAddress, Resolver } from 'node:dns';

/** Resolves a name to all of its addresses, as `dns.lookup` does with `all`. */
export type Resolve = (
  hostname: string,
  options: object,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** For one question to one server; after `TRIES` of them the name is taken for one that does not answer. */
const TIMEOUT_MS = 2_000;
const TRIES = 2;

/**
 * Asks the name servers directly. `dns.lookup` would wait in one of the process's few threads, so that some shops whose names hang
 * could hold up every other name, the channels' among them. Names of the machine alone (`/etc/hosts`) are not known here: they
 * lead inside, where no shop's event may go.
 * @param servers `address:port` each; default: those of the machine
 */
export function askNameServers(servers?: readonly string[]): Resolve {
  return (hostname, _options, callback) => {
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers) resolver.setServers(servers);
    const addresses: LookupAddress[] = [];
    const errors: NodeJS.ErrnoException[] = [];
    let open = 2;
    const answered =
      (family: 4 | 6) =>
      (error: NodeJS.ErrnoException | null, found: readonly string[] | undefined): void => {
        if (error) errors.push(error);
        for (const address of found ?? []) addresses.push({ address, family });
        open -= 1;
        if (open > 0) return;
        const [failed = null] = errors;
        callback(addresses.length > 0 ? null : failed, addresses);
      };
    resolver.resolve4(hostname, answered(4));
    resolver.resolve6(hostname, answered(6));
  };
}
