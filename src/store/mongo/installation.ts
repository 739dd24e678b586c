import { z } from 'zod';
import { isDuplicate } from './failures.ts';
import type { Rows } from './rows.ts';

/** The layout of the collections. It changes only when programs of the version before could not work beside it. */
const LAYOUT = '1';
/** In the layout's place while payments are moved into the database, so that no gateway of any version starts on it. */
const BEING_FILLED = 'being-filled';
const FILLING = 'filling';
export const ROUTING = 'routing-memory';

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
    if (found === BEING_FILLED) {
      throw new Error(
        'store: payments are being moved into the database of MONGO_URL, and not all are there; run `switchyard migrate` again until it says that all have moved',
      );
    }
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

const fillingSchema = z.object({
  target: z.string(),
  source: z.string(),
  finishedAt: z.number().nullable(),
});

/** The move of a store into this database. */
export interface Filling {
  /** Tells this database from others that the same store was begun to be moved to. */
  readonly target: string;
  /** Tells the data directory that it comes from. */
  readonly source: string;
  /** Null while not all has arrived. */
  readonly finishedAt: number | null;
}

/** What a database knows of the move into it. The layout decides: as long as it says so, no gateway starts. */
export function createFilling({ values, raw }: Pick<Rows, 'values' | 'raw'>) {
  const read = async (name: string): Promise<string | null> => (await values.findById(name).lean())?.value ?? null;

  /** Null for a database that was never opened. */
  async function find(): Promise<Filling | null> {
    const [layout, text] = [await read('layout'), await read(FILLING)];
    if (text === null) {
      if (layout === null || layout === BEING_FILLED) return null;
      throw new Error(
        'migrate: a gateway has been started on the database of MONGO_URL already; name an empty database in MONGO_URL, or drop this one if nothing in it counts',
      );
    }
    const filling = fillingSchema.parse(JSON.parse(text));
    return layout === BEING_FILLED ? { ...filling, finishedAt: null } : filling;
  }

  async function begin(filling: Filling): Promise<void> {
    await insertOnce('layout', BEING_FILLED);
    await insertOnce(FILLING, JSON.stringify(filling));
  }

  async function insertOnce(_id: string, value: string): Promise<void> {
    await raw.values.insertOne({ _id, value }).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
    });
    if ((await read(_id)) === value) return;
    throw new Error(
      'migrate: somebody else has begun to use the database of MONGO_URL just now; run the command again',
    );
  }

  async function finish(finishedAt: number): Promise<void> {
    const filling = await find();
    await values.updateOne({ _id: FILLING }, { $set: { value: JSON.stringify({ ...filling, finishedAt }) } });
    await values.updateOne({ _id: 'layout', value: BEING_FILLED }, { $set: { value: LAYOUT } });
  }

  return { find, begin, finish };
}
