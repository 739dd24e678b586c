import { isDuplicate } from './failures.ts';
import type { Rows } from './rows.ts';

/** The layout of the collections. It changes only when programs of the version before could not work beside it. */
const LAYOUT = '1';
const ROUTING = 'routing-memory';

/** Single values of the installation. */
export function createInstallation({ values, raw }: Pick<Rows, 'values' | 'raw'>) {
  /** Writes the value unless there is one; answers the one that stands. */
  async function settle(name: string, value: string): Promise<string> {
    try {
      await raw.values.insertOne({ _id: name, value });
      return value;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return (await values.findById(name).lean())?.value ?? settle(name, value);
  }

  async function assertLayout(): Promise<void> {
    const found = await settle('layout', LAYOUT);
    if (found === LAYOUT) return;
    throw new Error(
      `store: the database of MONGO_URL has layout ${found}, this program knows ${LAYOUT}; run the version that wrote it`,
    );
  }

  return {
    settle,
    assertLayout,
    async saveRoutingMemory(snapshot: string): Promise<void> {
      await values.replaceOne({ _id: ROUTING }, { _id: ROUTING, value: snapshot }, { upsert: true });
    },
    async loadRoutingMemory(): Promise<string | null> {
      return (await values.findById(ROUTING).lean())?.value ?? null;
    },
  };
}
