import { Error as MongooseErrors, mongo } from 'mongoose';
import { StoreUnavailable } from '../port.ts';

const DUPLICATE_KEY = 11_000;

const UNREACHABLE = 'MongoDB cannot be reached; check that it runs, that it has a primary, and that MONGO_URL names it';

/** True when another document has the `_id`. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof mongo.MongoServerError && error.code === DUPLICATE_KEY;
}

/** How many documents of an ordered insert were written before one was refused as a duplicate; null for any other error. */
export function insertedBefore(error: unknown): number | null {
  return error instanceof mongo.MongoBulkWriteError && isDuplicate(error) ? error.insertedCount : null;
}

/**
 * What went wrong in an operator's words, without what the server quotes of documents and without anything of the URL but its hosts.
 * Errors of our own pass as they are.
 */
export function explain(error: unknown): Error {
  if (error instanceof MongooseErrors.MongooseServerSelectionError) {
    return new StoreUnavailable(`store: ${UNREACHABLE} (${error.name})`);
  }
  if (isBrokenConnection(error)) return new StoreUnavailable(`store: ${UNREACHABLE} (${error.name})`);
  if (!(error instanceof mongo.MongoError)) return error instanceof Error ? error : new Error('store: MongoDB failed');
  return new StoreUnavailable(`store: ${reasonOf(error)} (${error.name}${codeOf(error)})`);
}

/**
 * Sockets that break in the middle, which the driver passes on as Node reports them (some name a system call, all have a code), and
 * mongoose's own words for a connection that is gone.
 */
function isBrokenConnection(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof mongo.MongoError || error instanceof TypeError) return false;
  return /^Mongo/.test(error.name) || ('code' in error && typeof error.code === 'string');
}

function reasonOf(error: mongo.MongoError): string {
  if (error instanceof mongo.MongoServerSelectionError || error instanceof mongo.MongoNetworkError) {
    return UNREACHABLE;
  }
  if (error instanceof mongo.MongoServerError) {
    if (error.code === 18 || error.code === 13 || error.code === 8_000) {
      return 'MongoDB refuses the user of MONGO_URL; check name, password, authSource and the right to read and write the database';
    }
    if (error.hasErrorLabel('RetryableWriteError') || error instanceof mongo.MongoWriteConcernError) {
      return 'MongoDB could not confirm a write by a majority of its members; check that enough of them run';
    }
    return 'MongoDB refused an operation; see its log';
  }
  if (error.name === 'MongoParseError' || error.name === 'MongoInvalidArgumentError') {
    return 'MONGO_URL is not a connection string that MongoDB knows; special characters of a password are written as %XX';
  }
  if (error.name === 'MongoWaitQueueTimeoutError') {
    return 'all connections to MongoDB are busy; it is too slow for this load';
  }
  return 'MongoDB could not be used';
}

function codeOf(error: mongo.MongoError): string {
  return error instanceof mongo.MongoServerError && error.code !== undefined ? `, code ${error.code}` : '';
}
