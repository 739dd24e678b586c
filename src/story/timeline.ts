import { stringify } from 'yaml';
import type { StoredEntry, StoredMessages } from '../evidence/index.ts';
import type { EpochMs } from '../payment/index.ts';
import { wordsOf } from './words.ts';

/** One line of a story. */
export interface Moment {
  readonly at: EpochMs;
  readonly words: string;
  readonly messages: StoredMessages;
}

/** What the evidence log says of a payment. */
export function momentsOf(entries: readonly StoredEntry[]): readonly Moment[] {
  return entries.map((entry) => ({ at: entry.at, words: wordsOf(entry), messages: entry.messages }));
}

/** Lines for a terminal: a heading per day (UTC), then each moment; with messages, these below it. */
export function describeTimeline(moments: readonly Moment[], options: { readonly messages: boolean }): string {
  let day = '';
  return moments
    .flatMap((moment) => {
      const [date = '', time = ''] = new Date(moment.at).toISOString().split(/[TZ]/);
      const heading = date === day ? [] : [`  timeline    ${date} (UTC)`];
      day = date;
      return [
        ...heading,
        `    ${time}  ${moment.words}`,
        ...(options.messages ? describeMessages(moment.messages) : []),
      ];
    })
    .join('\n');
}

function describeMessages(messages: StoredMessages): readonly string[] {
  switch (messages.state) {
    case 'open':
      return indented(stringify(messages.content, { lineWidth: 0 }));
    case 'unreadable':
      return indented(`cannot be read: ${messages.why}`);
    case 'sealed':
      return indented('sealed');
    default:
      return [];
  }
}

function indented(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `                  ${line}`.trimEnd());
}
