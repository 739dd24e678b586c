import { join } from 'node:path';
import { type EvidenceLog, openEvidenceLog } from './evidence/index.ts';
import type { Sealer, Telemetry } from './gateway/index.ts';

/** Where the evidence log lies: beside the payments, and apart from them. */
export function evidencePath(dataDir: string): string {
  return join(dataDir, 'evidence.db');
}

/** Opens the evidence log of a gateway. Never throws: trouble with it is logged, and payments go on. */
export function openEvidence(options: {
  readonly dataDir: string;
  readonly retentionMs: number | (() => number);
  readonly sealer: Sealer;
  readonly now: () => number;
  readonly telemetry: Pick<Telemetry, 'error'>;
  readonly onWritten?: (entries: number) => void;
  readonly onDropped?: (entries: number) => void;
}): EvidenceLog {
  const { dataDir, telemetry, ...others } = options;
  return openEvidenceLog({
    ...others,
    path: evidencePath(dataDir),
    onTrouble: (error) => telemetry.error({ err: error }, 'trouble with the evidence log; payments go on'),
  });
}
