import type { mongo } from 'mongoose';
import type { MongoCommand } from '../port.ts';

/** Connections of this process to the server that it writes to. */
export interface PoolState {
  readonly inUse: number;
  /** Operations that wait for a connection. */
  readonly waiting: number;
  readonly max: number;
}

/** Hears of every command that this process has sent: its time to the answer or to the failure, in ms. */
export type OnCommand = (command: MongoCommand, tookMs: number, failed: boolean) => void;

const COMMANDS: Readonly<Record<MongoCommand, true>> = {
  ...{ find: true, getMore: true, aggregate: true, insert: true, update: true, delete: true },
  ...{ findAndModify: true, other: true },
};
/** A unique key that was there already is an answer; it tells who came first. */
const DUPLICATE_KEY = 11_000;

/** Follows the driver's own events; a client that is made anew is followed anew. What the commands hold is never looked at. */
export function watchClient(client: mongo.MongoClient, onCommand: OnCommand): () => Omit<PoolState, 'max'> {
  let inUse = 0;
  let waiting = 0;
  client.on('commandSucceeded', ({ commandName, duration }) => onCommand(kindOf(commandName), duration, false));
  client.on('commandFailed', ({ commandName, duration, failure }) => {
    const failed = !('code' in failure && failure.code === DUPLICATE_KEY);
    onCommand(kindOf(commandName), duration, failed);
  });
  client.on('connectionCheckOutStarted', () => {
    waiting += 1;
  });
  client.on('connectionCheckOutFailed', () => {
    waiting -= 1;
  });
  client.on('connectionCheckedOut', () => {
    waiting -= 1;
    inUse += 1;
  });
  client.on('connectionCheckedIn', () => {
    inUse -= 1;
  });
  // What was under way when the client began to be followed is not known, and would count below nothing when it ends.
  return () => ({ inUse: Math.max(0, inUse), waiting: Math.max(0, waiting) });
}

function kindOf(name: string): MongoCommand {
  return Object.hasOwn(COMMANDS, name) ? (name as MongoCommand) : 'other';
}
