export { type MoveOptions, type MoveReport, moveToMongo } from './move.ts';
