import type { Dashboard } from './dashboard.ts';
import { lines, type Panel, table } from './panels.ts';

const JOB = 'job="switchyard"';

/** The process and its disk: whether the gateway itself is the trouble. */
export const runtime: Dashboard = {
  uid: 'switchyard-runtime',
  title: 'Switchyard: runtime',
  description: 'Is it the gateway itself: its process, its disk, its worker?',
  sections: [
    { title: 'Process', panels: [build(), eventLoop(), cpu(), memory(), collections(), handles(), files()] },
    {
      title: 'Store and worker',
      panels: [
        storeErrors(),
        sharedState(),
        configVariants(),
        clockSkew(),
        agendaLag(),
        agendaDue(),
        evidence(),
        routing(),
        scrapes(),
        configuration(),
        refusals(),
      ],
    },
    { title: 'MongoDB', panels: [mongoTime(), mongoFailures(), mongoPool()] },
    { title: 'Alerts', panels: [notifications()] },
  ],
};

function build(): Panel {
  return table({
    title: 'What runs',
    shows: 'The version of the gateway at each address, and how long it has been running.',
    normal: 'one row; the age goes back to the last deployment.',
    otherwise: 'a young process that nobody started: it was killed or ran out of memory; see its last log lines.',
    runbooks: ['InstanceRestarting'],
    unit: 'none',
    width: 24,
    queries: [
      {
        legend: '',
        expr: `max by (instance, version) (switchyard_build_info{${JOB}}) * on (instance) group_left () max by (instance) (time() - process_start_time_seconds{${JOB}})`,
      },
    ],
    columns: [{ name: 'running for', unit: 's' }],
  });
}

function eventLoop(): Panel {
  const of = (name: string) => `max by (instance) (nodejs_eventloop_lag_${name}_seconds{${JOB}})`;
  return lines({
    title: 'Event loop delay',
    shows:
      'How late the process gets to what it has to do: the middle, one in a hundred, and the worst since the last scrape.',
    normal: 'p50 about 11 ms (that is how it is measured), p99 below 50 ms.',
    otherwise:
      'p99 of hundreds of ms: the machine is too small or something else runs on it; see CPU. Single peaks come with garbage collections and checkpoints.',
    unit: 's',
    width: 8,
    queries: [
      { legend: 'p50', expr: of('p50') },
      { legend: 'p99', expr: of('p99') },
      { legend: 'max', expr: of('max') },
    ],
  });
}

function cpu(): Panel {
  const of = (kind: string) => `sum(rate(process_cpu_${kind}_seconds_total{${JOB}}[$__rate_interval]))`;
  return lines({
    title: 'CPU',
    shows: 'Processor time used; 100% is one core.',
    normal: 'below 70% at the evening peak.',
    otherwise:
      'at 100%: JavaScript runs on one core, so payments get slower. Find out what grew: "Calls by operation" on the channels\' dashboards, callbacks, scrapes.',
    unit: 'percentunit',
    stacked: true,
    width: 8,
    queries: [
      { legend: 'user', expr: of('user') },
      { legend: 'system', expr: of('system') },
    ],
  });
}

function memory(): Panel {
  return lines({
    title: 'Memory',
    shows: 'What the process holds (resident), and of that the JavaScript heap and buffers outside it.',
    normal: 'resident 140 to 400 MB; a saw-tooth is good.',
    otherwise:
      'grows for hours and never falls: a leak. Restart at a quiet time (SIGTERM loses nothing), and keep this graph.',
    unit: 'bytes',
    width: 8,
    queries: [
      { legend: 'resident', expr: `sum(process_resident_memory_bytes{${JOB}})` },
      { legend: 'heap used', expr: `sum(nodejs_heap_size_used_bytes{${JOB}})` },
      { legend: 'heap', expr: `sum(nodejs_heap_size_total_bytes{${JOB}})` },
      { legend: 'outside the heap', expr: `sum(nodejs_external_memory_bytes{${JOB}})` },
    ],
  });
}

function collections(): Panel {
  return lines({
    title: 'Garbage collection',
    shows: 'Share of the time that went into collecting garbage, by kind.',
    normal: 'below 5%.',
    otherwise:
      '`major` high: the heap is nearly full; see memory. `minor` high: very many payments; `--max-semi-space-size` of `npm start` may grow.',
    unit: 'percentunit',
    stacked: true,
    width: 8,
    queries: [
      { legend: '{{kind}}', expr: `sum by (kind) (rate(nodejs_gc_duration_seconds_sum{${JOB}}[$__rate_interval]))` },
    ],
  });
}

function handles(): Panel {
  return lines({
    title: 'Open handles',
    shows: 'Sockets, timers and the like that the process holds open, and requests to the system that are under way.',
    normal: 'follows the number of connections, and falls with them.',
    otherwise: 'grows for hours: connections that nobody closes. Who holds them: `ss -tnp` on the machine.',
    unit: 'none',
    width: 8,
    queries: [
      { legend: 'handles', expr: `sum(nodejs_active_handles_total{${JOB}})` },
      { legend: 'requests', expr: `sum(nodejs_active_requests_total{${JOB}})` },
    ],
  });
}

function files(): Panel {
  return lines({
    title: 'Open files',
    shows: 'File descriptors in use as a share of what the system allows the process.',
    normal: 'a few per cent.',
    otherwise:
      'above 80%: new connections will soon be refused. Raise `nofile` (`ulimits` in `docker-compose.yml`), and see "Open handles".',
    unit: 'percentunit',
    max: 1,
    width: 8,
    queries: [
      {
        legend: '{{instance}}',
        expr: `max by (instance) (process_open_fds{${JOB}} / process_max_fds{${JOB}})`,
      },
    ],
  });
}

function storeErrors(): Panel {
  return lines({
    title: 'Store errors since the start',
    shows: 'What the database could not do, by operation.',
    normal: 'none, or flat.',
    otherwise:
      'it rises: disk full, read-only or broken: make room. Nothing is acknowledged meanwhile, and no restart is needed afterwards.',
    runbooks: ['StoreErrors'],
    unit: 'short',
    width: 8,
    queries: [
      {
        legend: '{{operation}}',
        expr: 'sum by (operation) (switchyard_store_errors_total)',
      },
    ],
  });
}

function sharedState(): Panel {
  return lines({
    title: 'Redis, as each replica reaches it',
    shows: 'Whether the replica shares counters and what routing learns (1) or not (0); absent without `REDIS_URL`.',
    normal: '1.',
    otherwise: '0: that replica counts by itself. Payments go on; bring Redis back, no restart is needed.',
    runbooks: ['SharedStateDown'],
    unit: 'short',
    width: 8,
    queries: [{ legend: '{{instance}}', expr: 'switchyard_shared_state_up' }],
  });
}

function configVariants(): Panel {
  return lines({
    title: 'Configurations in force',
    shows: 'Different configurations that replicas run by, as each hears of them; absent without `REDIS_URL`.',
    normal: '1; for seconds 2, while a change reaches one replica after the other.',
    otherwise: 'More than 1 for minutes: bring the same files to every replica. `/admin/status` names them.',
    runbooks: ['ConfigDiffers'],
    unit: 'short',
    width: 8,
    queries: [{ legend: '{{instance}}', expr: 'switchyard_config_variants' }],
  });
}

function clockSkew(): Panel {
  return lines({
    title: 'Clocks',
    shows:
      "How far each replica's clock is from that of MongoDB or Redis, in either direction; absent where there is neither.",
    normal: 'below 0.1 s.',
    otherwise:
      'above 1 s: one replica alone has a wrong clock, all together point at the clock of that server. Start the time service there.',
    runbooks: ['ClockSkew'],
    unit: 's',
    width: 8,
    queries: [{ legend: '{{instance}} {{against}}', expr: 'abs(switchyard_clock_skew_seconds)' }],
  });
}

function mongoTime(): Panel {
  const buckets = 'switchyard_mongo_command_duration_seconds_bucket{command!="other"}';
  return lines({
    title: 'MongoDB: time of a command',
    shows: 'How long 19 of 20 commands take at most, by kind; absent without `MONGO_URL`.',
    normal: 'below 50 ms; writes wait for the disks of a majority.',
    otherwise:
      'above 500 ms: one kind alone lacks an index, all kinds mean a slow disk or network. One replica alone: its own network.',
    runbooks: ['MongoSlow'],
    unit: 's',
    width: 8,
    queries: [
      {
        legend: '{{command}}',
        expr: `histogram_quantile(0.95, sum by (command, le) (rate(${buckets}[$__rate_interval])))`,
      },
    ],
  });
}

function mongoFailures(): Panel {
  return lines({
    title: 'MongoDB: commands, and those that failed',
    shows: 'Commands of all replicas per second, and how many of them failed.',
    normal: 'a little over a dozen per payment; failed is 0.',
    otherwise: 'failed: an election (seconds), a lost network, or a server that refuses; the log has the reason.',
    runbooks: ['StoreErrors'],
    unit: 'short',
    width: 8,
    queries: [
      { legend: 'all', expr: 'sum(rate(switchyard_mongo_command_duration_seconds_count[$__rate_interval]))' },
      {
        legend: 'failed {{command}}',
        expr: 'sum by (command) (rate(switchyard_mongo_command_failures_total[$__rate_interval]))',
      },
    ],
  });
}

function mongoPool(): Panel {
  return lines({
    title: 'MongoDB: connections',
    shows: 'Connections of each replica in use at the moment of the scrape, and operations that wait for one.',
    normal: 'a few in use, none waiting.',
    otherwise: 'waiting for minutes: MongoDB is too slow for this load, or takes no more connections.',
    runbooks: ['MongoPoolExhausted'],
    unit: 'none',
    width: 8,
    queries: [
      { legend: '{{instance}} in use', expr: 'switchyard_mongo_connections_in_use' },
      { legend: '{{instance}} waiting', expr: 'switchyard_mongo_operations_waiting' },
      { legend: '{{instance}} most', expr: 'switchyard_mongo_connections_max' },
    ],
  });
}

function agendaLag(): Panel {
  return lines({
    title: 'Agenda lag',
    shows: 'How long the oldest due duty (asking, expiring, telling a shop) has waited for the worker.',
    normal: 'below 5 s.',
    otherwise:
      'above 60 s: the worker is stuck or the machine too slow. CPU free and no store errors: restart, it goes on where it stopped.',
    runbooks: ['AgendaLag'],
    unit: 's',
    width: 8,
    queries: [{ legend: 'lag', expr: 'max(switchyard_agenda_lag_seconds)' }],
  });
}

function agendaDue(): Panel {
  return lines({
    title: 'Agenda due',
    shows: 'Payments that have something due now.',
    normal: 'a few; a hill after an outage that gets smaller.',
    otherwise:
      'grows without end: more work than this process can do; see CPU, and "Questions that had to wait" on the overview.',
    unit: 'none',
    width: 8,
    queries: [{ legend: 'due', expr: 'sum(switchyard_agenda_due)' }],
  });
}

function evidence(): Panel {
  return lines({
    title: 'Evidence log, entries per minute',
    shows: 'Entries of the record of what was said: written, and dropped because the disk did not keep up.',
    normal: 'written follows the payments; dropped is 0.',
    otherwise: 'dropped: the disk of `evidence.db` is full or too slow. Payments go on; the record has a gap.',
    runbooks: ['EvidenceDropped'],
    unit: 'short',
    width: 8,
    queries: [
      {
        legend: '{{outcome}}',
        expr: 'sum by (outcome) (rate(switchyard_evidence_entries_total[$__rate_interval])) * 60',
      },
    ],
  });
}

function notifications(): Panel {
  return lines({
    title: 'Messages of alerts, per hour',
    shows:
      'What became of messages to people: sent, known there already, held back, or not taken, by kind of receiver.',
    normal: 'nothing, or a few that were sent.',
    otherwise:
      'failed: `npm run --silent cli -- alerts` names the receiver and the reason. rate_limited: what is so noisy?',
    runbooks: ['AlertRelayFailing'],
    unit: 'short',
    width: 24,
    queries: [
      {
        legend: '{{receiver_kind}} {{outcome}}',
        expr: 'sum by (receiver_kind, outcome) (increase(switchyard_alert_notifications_total[1h]))',
      },
    ],
  });
}

function routing(): Panel {
  const quantile = (share: string) =>
    `histogram_quantile(${share}, sum by (le) (rate(switchyard_routing_decision_duration_seconds_bucket[5m])))`;
  return lines({
    title: 'Time of a routing decision',
    shows: 'How long the choice of a channel took.',
    normal: 'below a millisecond.',
    otherwise: 'above 5 ms: the process is starved; see "Event loop delay".',
    unit: 's',
    width: 8,
    queries: [
      { legend: 'p50', expr: quantile('0.5') },
      { legend: 'p99', expr: quantile('0.99') },
    ],
  });
}

function scrapes(): Panel {
  return lines({
    title: 'Time of a scrape',
    shows: 'How long the gateway took to answer Prometheus.',
    normal: 'below 100 ms.',
    otherwise:
      'seconds: counting in the store is slow (a slow disk) or the process is starved. A gap: it did not answer at all.',
    unit: 's',
    width: 8,
    queries: [{ legend: '{{instance}}', expr: `max by (instance) (scrape_duration_seconds{${JOB}})` }],
  });
}

function configuration(): Panel {
  return lines({
    title: 'Configuration: looks at changed files, per hour',
    shows:
      'Files that were looked at again: `accepted` is in force, `refused` is not, `unchanged` said the same as before.',
    normal: 'one accepted for each change of yours.',
    otherwise:
      'refused: the configuration before it is still in force; `npm run --silent cli -- config check` names each fault with its line.',
    runbooks: ['ConfigReloadRefused'],
    unit: 'short',
    width: 12,
    queries: [{ legend: '{{outcome}}', expr: 'sum by (outcome) (switchyard:config_reloads:events1h)' }],
  });
}

function refusals(): Panel {
  return lines({
    title: 'Refused requests to the admin listener, per minute',
    shows: 'Requests without the right token, from another site, or too many wrong ones.',
    normal: '0.',
    otherwise: 'a scraper with an old token, or somebody tries: who can reach `ADMIN_PORT`?',
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{reason}}',
        expr: 'sum by (reason) (rate(switchyard_admin_refusals_total[$__rate_interval])) * 60',
      },
    ],
  });
}
