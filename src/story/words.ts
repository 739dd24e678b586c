import type { StoredEntry } from '../evidence/index.ts';

type Details = StoredEntry['details'];

/** One entry in words, on one line: what happened, then whatever else the entry says. */
export function wordsOf(entry: StoredEntry): string {
  const { channelId, kind, what, outcome, details } = entry;
  const { durationMs, latencyMs, ...others } = details;
  const duration = durationMs ?? latencyMs;
  const took = typeof duration === 'number' ? `${duration} ms` : null;
  const channel = channelId === null ? '' : `${channelId}  `;
  switch (kind) {
    case 'call': {
      const { request, ...rest } = others;
      const sent = typeof request === 'string' ? `  ${request}` : '';
      // An answer of HTTP is a number; a result of ours is a word.
      const inTime = took === null ? '' : request === undefined ? ` ${took}` : ` in ${took}`;
      return `${channel}${what} -> ${outcome}${inTime}${sent}${more(rest)}`;
    }
    case 'callback':
      return `${channel}callback ${outcome}${more(others)}`;
    case 'webhook':
      return `webhook ${what} -> ${outcome}${took === null ? '' : ` in ${took}`}${more(others)}`;
    case 'change':
      return `${channel}${changeWords(what, outcome, others)}`;
    default:
      return `${channel}${kind} ${what} -> ${outcome}${more(details)}`;
  }
}

/** `payment pending -> succeeded (observed by callback)`, or what else has changed while the status stayed. */
function changeWords(what: string, status: string, details: Details): string {
  const { from, by, attemptSeq, attemptStatus, refundId, refundStatus, reason, version: _, ...rest } = details;
  const fact = what.replaceAll('_', ' ') + (typeof by === 'string' ? ` by ${by}` : '');
  const parts = [
    ...(typeof from === 'string' && from !== status ? [`payment ${from} -> ${status}`] : []),
    ...(typeof attemptSeq === 'number' ? [`attempt ${attemptSeq} ${attemptStatus ?? ''}`.trimEnd()] : []),
    ...(typeof refundId === 'string' ? [`refund ${refundId} ${refundStatus ?? ''}`.trimEnd()] : []),
  ];
  const why = typeof reason === 'string' ? { reason } : {};
  if (parts.length === 0) return `${fact}${more({ ...why, ...rest })}`;
  return `${parts.join(', ')} (${fact})${more({ ...why, ...rest })}`;
}

function more(details: Details): string {
  const told = Object.entries(details).filter(([, value]) => value !== null);
  return told.map(([key, value], i) => `${i === 0 ? '  ' : ', '}${spaced(key)} ${value}`).join('');
}

/** `answeredStatus` -> `answered status` */
function spaced(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');
}
