export { type EvidenceLog, type EvidenceLogOptions, type EvidenceStats, openEvidenceLog } from './log.ts';
export type * from './port.ts';
export { type EvidenceReader, openEvidenceReader, type StoredEntry, type StoredMessages } from './reader.ts';
export type { Sealer as EvidenceSealer } from './seal.ts';
export type { Verified } from './verify.ts';
