import { DATASOURCE, type Panel } from './panels.ts';

/** A heading and the panels under it; they fill lines of 24 columns from left to right. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A choice at the top of a dashboard, out of the values of a label. */
export interface Choice {
  readonly label: 'channel' | 'merchant';
  /** The metric whose label values are offered. */
  readonly metric: string;
}

export interface Dashboard {
  /** Part of links and bookmarks: never changes. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly choice?: Choice;
  readonly sections: readonly Section[];
}

const COLUMNS = 24;
/** Of the classic JSON model: what Grafana 12.2 and later write, and later ones read. */
const SCHEMA_VERSION = 42;
const TAG = 'switchyard';

/** The JSON model that Grafana's file provider reads. */
export function dashboardJson({ uid, title, description, choice, sections }: Dashboard): Record<string, unknown> {
  return {
    uid,
    title,
    description,
    tags: [TAG],
    schemaVersion: SCHEMA_VERSION,
    editable: false,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    links: [toTheOthers()],
    templating: { list: [datasourceChoice(), ...(choice === undefined ? [] : [labelChoice(choice)])] },
    annotations: { list: [restarts()] },
    panels: laidOut(sections),
  };
}

function toTheOthers() {
  return {
    type: 'dashboards',
    title: 'Switchyard',
    tags: [TAG],
    icon: 'external link',
    tooltip: 'The other dashboards of Switchyard',
    asDropdown: false,
    includeVars: false,
    keepTime: true,
    targetBlank: false,
  };
}

function datasourceChoice() {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', refresh: 1 };
}

function labelChoice({ label, metric }: Choice) {
  const query = `label_values(${metric}, ${label})`;
  return {
    name: label,
    label: label === 'channel' ? 'Channel' : 'Merchant',
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    refresh: 2,
    sort: 1,
  };
}

/** Counters, learnt ratios and breakers start anew with the process, so every graph shows when that was. */
function restarts() {
  return {
    name: 'Restarts',
    enable: true,
    iconColor: 'blue',
    datasource: DATASOURCE,
    target: { refId: 'Anno', expr: 'changes(process_start_time_seconds{job="switchyard"}[2m]) > 0', interval: '60s' },
    titleFormat: 'gateway started',
    textFormat: '{{instance}}',
  };
}

function laidOut(sections: readonly Section[]): readonly Record<string, unknown>[] {
  let id = 0;
  let top = 0;
  return sections.flatMap((section) => {
    const row = {
      id: ++id,
      type: 'row',
      title: section.title,
      collapsed: false,
      gridPos: { x: 0, y: top, w: COLUMNS, h: 1 },
      panels: [],
    };
    top += 1;
    let left = 0;
    let lineHeight = 0;
    const placed = section.panels.map(({ width, height, json }) => {
      if (left + width > COLUMNS) {
        top += lineHeight;
        [left, lineHeight] = [0, 0];
      }
      const gridPos = { x: left, y: top, w: width, h: height };
      left += width;
      lineHeight = Math.max(lineHeight, height);
      return { id: ++id, ...json, gridPos };
    });
    top += lineHeight;
    return [row, ...placed];
  });
}
