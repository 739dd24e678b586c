import type { Provider } from '../contract.ts';
import { type BalanceSheet, openBalanceSheet } from './balance.ts';
import { type KeptBooks, openBooks } from './books.ts';
import type { Faults, Simulator } from './contract.ts';
import { type KeptCourier, openCourier } from './courier.ts';
import { NO_FAULTS } from './faults.ts';
import { openJournal, readSaved, writeSaved } from './journal.ts';

/** One simulated account with everything the kit keeps for it. */
export interface SandboxChannel {
  readonly id: string;
  readonly providerId: string;
  readonly simulator: Simulator;
  readonly books: KeptBooks;
  readonly balance: BalanceSheet;
  readonly courier: KeptCourier;
  faults(): Faults;
  setFaults(faults: Faults): void;
  readonly baseUrl: () => string;
  /** The gateway that connected to this channel, or else the one that the host was told of. */
  readonly publicUrl: () => string;
  /** Null: back to what the host was told. */
  connect(publicUrl: string | null): void;
  close(): Promise<void>;
}

export interface SandboxChannelPorts {
  readonly baseUrl: () => string;
  readonly defaultPublicUrl: () => string;
  readonly dataDir: string | null;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly random: () => number;
  readonly retryTimeFactor: number;
  readonly onError: (doing: string, error: unknown) => void;
}

/** Opens a provider's simulator on the kit's books and courier, with the keys and orders of an earlier start if there are any. */
export async function openChannel(id: string, provider: Provider, ports: SandboxChannelPorts): Promise<SandboxChannel> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id)) throw new Error(`sandbox: ${id} cannot be a channel id`);
  const { dataDir } = ports;
  const saved = dataDir === null ? null : readSaved(dataDir, id);
  const journal = dataDir === null ? null : openJournal(dataDir, id);
  const books = openBooks(journal);
  const balance = openBalanceSheet(books);
  let connectedTo = saved?.publicUrl ?? null;
  const publicUrl = () => connectedTo ?? ports.defaultPublicUrl();
  let current = NO_FAULTS;
  const faults = () => current;
  const courier = openCourier({ ...ports, books, faults });
  const simulator = await provider.openSandbox({
    channelId: id,
    baseUrl: ports.baseUrl,
    accountCallbackUrl: () => `${publicUrl().replace(/\/+$/, '')}/callbacks/${id}`,
    now: ports.now,
    randomBytes: ports.randomBytes,
    books,
    balance,
    faults,
    courier,
    savedKeys: saved?.keys ?? null,
  });
  const save = () => {
    if (dataDir !== null) writeSaved(dataDir, id, { keys: simulator.keys(), publicUrl: connectedTo });
  };
  save();
  return {
    id,
    providerId: provider.id,
    simulator,
    books,
    balance,
    courier,
    faults,
    setFaults(next) {
      current = next;
    },
    baseUrl: ports.baseUrl,
    publicUrl,
    connect(url) {
      connectedTo = url;
      save();
    },
    async close() {
      await courier.close();
      journal?.close();
    },
  };
}
