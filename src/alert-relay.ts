import { join } from 'node:path';
import {
  type AlertChannel,
  type AlertRelay,
  aliyunSms,
  createAlertRelay,
  createPoster,
  dingtalkRobot,
  feishuRobot,
  openJournal,
  type Receiver,
  type RelaySettings,
} from './alerts/index.ts';
import type { Telemetry } from './gateway/index.ts';
import { unreachable } from './payment/index.ts';
import type { Metrics } from './telemetry/index.ts';

/** Opens the way from Alertmanager to people. Nothing is loaded or connected before there is a message. */
export function openAlertRelay(parts: {
  readonly dataDir: string;
  /** Asked for every message. */
  readonly settings: () => RelaySettings;
  readonly now: () => number;
  readonly metrics: Pick<Metrics, 'alertNotifications'>;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn' | 'error'>;
}): AlertRelay {
  const { now, telemetry, settings } = parts;
  const { post, close } = createPoster();
  // A receiver of a new configuration is another object, and its channel goes with the old one.
  const channels = new WeakMap<Receiver, AlertChannel>();
  const channelOf = (receiver: Exclude<Receiver, { kind: 'log' }>): AlertChannel => {
    const channel = channels.get(receiver) ?? opened(receiver);
    channels.set(receiver, channel);
    return channel;
  };
  const opened = (receiver: Exclude<Receiver, { kind: 'log' }>): AlertChannel => {
    switch (receiver.kind) {
      case 'sms':
        return aliyunSms(receiver.phone, receiver.sms);
      case 'dingtalk':
        return dingtalkRobot(receiver, { post, now });
      case 'feishu':
        return feishuRobot(receiver, { post, now });
      default:
        return unreachable(receiver);
    }
  };
  const journal = openJournal(join(parts.dataDir, 'alerts.json'), (error) =>
    telemetry.error({ err: error }, 'the log of alerts could not be read or written'),
  );
  const relay = createAlertRelay({
    ...{ settings, channelOf, journal, now, log: telemetry },
    onOutcome: (kind, outcome) => parts.metrics.alertNotifications.inc({ receiver_kind: kind, outcome }),
  });
  return {
    ...relay,
    stop: async () => {
      await relay.stop();
      await close();
    },
  };
}
