/** `page` wakes somebody now, `ticket` is for working hours. */
export const SEVERITIES = ['page', 'ticket'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a person is told. Texts may be empty where the rule says nothing; times are milliseconds since 1970. */
export interface AlertMessage {
  /** The rule's name, for example `ChannelDown`. */
  readonly alert: string;
  readonly severity: Severity;
  readonly status: 'firing' | 'resolved';
  readonly summary: string;
  readonly impact: string;
  readonly firstStep: string;
  /** An address or a path in the project. */
  readonly runbook: string;
  readonly startsAt: number;
  /** Null while it fires. */
  readonly endsAt: number | null;
}

/** One alert as Alertmanager reports it. */
export interface Alert extends AlertMessage {
  /** Of its labels: the same alert has the same one for ever. */
  readonly fingerprint: string;
}

/** One labelled line of a message; `href` where the text leads somewhere. */
export interface Line {
  readonly label: string;
  readonly text: string;
  readonly href: string | null;
}

const TITLE_CHARS_MAX = 200;
/** Far below what the robots take (20,000 bytes), and more than anybody reads at night. */
const TEXT_CHARS_MAX = 1_000;

/** `PAGE`, `TICKET` or `OVER`. */
export function stateWord({ status, severity }: AlertMessage): string {
  return status === 'resolved' ? 'OVER' : severity.toUpperCase();
}

/** `[PAGE] ChannelDown: alipay-main takes no payments`, one line. */
export function titleOf(message: AlertMessage): string {
  const text = `[${stateWord(message)}] ${message.alert}${message.summary === '' ? '' : `: ${message.summary}`}`;
  return cut(oneLine(text), TITLE_CHARS_MAX);
}

/** Below the title: what it costs, what to do first, where to read on, since when. One that is over needs only its times. */
export function linesOf(message: AlertMessage): readonly Line[] {
  const { status, impact, firstStep, runbook, startsAt, endsAt } = message;
  const line = (label: string, text: string, href: string | null = null): readonly Line[] =>
    text.trim() === '' ? [] : [{ label, text: cut(text.trim(), TEXT_CHARS_MAX), href }];
  if (status === 'resolved') {
    return [...line('From', timeText(startsAt)), ...line('to', endsAt === null ? '' : timeText(endsAt))];
  }
  return [
    ...line('Impact', impact),
    ...line('First', firstStep),
    ...line('Runbook', runbook, /^https?:\/\//.test(runbook) ? runbook : null),
    ...line('Since', timeText(startsAt)),
  ];
}

/** `2026-11-27 20:22:46 UTC`. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** At most `charsMax` code points, the last of them `mark` when something was left out; never half of a character. */
export function cut(text: string, charsMax: number, mark = '…'): string {
  const chars = [...text];
  if (chars.length <= charsMax) return text;
  return [...chars.slice(0, Math.max(0, charsMax - [...mark].length)), ...mark].slice(0, charsMax).join('');
}

/** Without line breaks, other control characters, and what steers the direction of reading. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\s]+/gu, ' ').trim();
}
