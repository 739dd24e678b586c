/** What a panel's description tells whoever looks at it in the night. */
export interface Words {
  /** What is drawn, in a sentence or two. */
  readonly shows: string;
  readonly normal: string;
  /** What to do when it is not normal. */
  readonly otherwise: string;
  /** Alerts whose runbook goes further. */
  readonly runbooks?: readonly string[];
}

/** One line, state or number of a panel. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

interface Common extends Words {
  readonly title: string;
  /** A Grafana unit; for amounts in minor units `short`, and the title says so. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
}

export interface Step {
  readonly from: number | null;
  readonly color: 'green' | 'orange' | 'red' | 'blue';
}

/** A panel without its place; `dashboard` gives it one. */
export interface Panel {
  readonly width: number;
  readonly height: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What Grafana puts in: a variable of the dashboard or of the clicked cell. */
export const variable = (name: string): string => `\${${name}}`;
/** The data source that a reader chooses at the top of the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: variable('datasource') } as const;
/** Where `docker-compose.yml` lets Grafana serve the folder `grafana/runbooks`. */
export const RUNBOOKS = '/public/runbooks';
/** The legend of the line that stands for a configured threshold. */
export const THRESHOLD = 'threshold';

const DASHED_RED = {
  matcher: { id: 'byName', options: THRESHOLD },
  properties: [
    { id: 'color', value: { mode: 'fixed', fixedColor: 'red' } },
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.stacking', value: { mode: 'none' } },
  ],
};

/** Lines over time. `stacked` where the sum means something; `max` 1 for shares. */
export function lines(panel: Common & { readonly stacked?: boolean; readonly max?: number }): Panel {
  const fill = panel.stacked === true ? { fillOpacity: 30, stacking: { mode: 'normal' } } : { fillOpacity: 5 };
  const defaults = {
    unit: panel.unit,
    min: 0,
    ...(panel.max === undefined ? {} : { max: panel.max }),
    custom: { lineWidth: 1, ...fill, showPoints: 'never', spanNulls: false },
  };
  return placed(panel, 8, 'timeseries', {
    fieldConfig: { defaults, overrides: panel.queries.some(({ legend }) => legend === THRESHOLD) ? [DASHED_RED] : [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  });
}

/** One number, coloured by where it lies; the last value. */
export function number(panel: Common & { readonly steps: readonly Step[]; readonly decimals?: number }): Panel {
  const defaults = {
    unit: panel.unit,
    ...(panel.decimals === undefined ? {} : { decimals: panel.decimals }),
    color: { mode: 'thresholds' },
    thresholds: { mode: 'absolute', steps: panel.steps.map(({ from, color }) => ({ value: from, color })) },
  };
  return placed(panel, 4, 'stat', {
    fieldConfig: { defaults, overrides: [] },
    options: {
      colorMode: 'value',
      graphMode: 'area',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      textMode: 'value',
    },
  });
}

/** Bands of colour over time, one row for each breaker. */
export function breakers(panel: Omit<Common, 'unit'>): Panel {
  const state = (text: string, color: string, index: number) => ({ text, color, index });
  const defaults = {
    unit: 'none',
    color: { mode: 'thresholds' },
    mappings: [
      {
        type: 'value',
        options: { 0: state('closed', 'green', 0), 1: state('half-open', 'orange', 1), 2: state('open', 'red', 2) },
      },
    ],
    custom: { fillOpacity: 80, lineWidth: 0 },
  };
  return placed({ ...panel, unit: 'none' }, 8, 'state-timeline', {
    fieldConfig: { defaults, overrides: [] },
    options: {
      mergeValues: true,
      showValue: 'never',
      rowHeight: 0.85,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'single', sort: 'none' },
    },
  });
}

/** One column of a table: the value of a query, or a label under another name. */
export interface Column {
  readonly name: string;
  readonly unit?: string;
  readonly steps?: readonly Step[];
  /** Where a click leads. */
  readonly url?: string;
}

/** The values of now as rows; queries with the same labels fall into one row. `columns` follow the queries. */
export function table(
  panel: Common & {
    readonly columns: readonly Column[];
    readonly hide?: readonly string[];
    readonly links?: readonly Column[];
  },
): Panel {
  const hidden = Object.fromEntries(['Time', ...(panel.hide ?? [])].map((name) => [name, true]));
  const letters = panel.queries.map((_, index) => `Value #${refId(index)}`);
  const valueField = (index: number): string => (panel.queries.length === 1 ? 'Value' : (letters[index] ?? ''));
  return placed(panel, 8, 'table', {
    fieldConfig: {
      defaults: { unit: panel.unit },
      overrides: [...panel.columns, ...(panel.links ?? [])].flatMap(overridesOf),
    },
    options: { showHeader: true, cellHeight: 'sm' },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: hidden,
          renameByName: Object.fromEntries(panel.columns.map(({ name }, index) => [valueField(index), name])),
        },
      },
    ],
  });
}

function overridesOf({ name, unit, steps, url }: Column) {
  const thresholds = steps?.map(({ from, color }) => ({ value: from, color }));
  const properties = [
    ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
    ...(thresholds === undefined
      ? []
      : [
          { id: 'thresholds', value: { mode: 'absolute', steps: thresholds } },
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
        ]),
    ...(url === undefined ? [] : [{ id: 'links', value: [{ title: 'open', url }] }]),
  ];
  return properties.length === 0 ? [] : [{ matcher: { id: 'byName', options: name }, properties }];
}

function placed(panel: Common, height: number, type: string, shape: Readonly<Record<string, unknown>>): Panel {
  const instant = type === 'table';
  const json = {
    type,
    title: panel.title,
    description: described(panel),
    datasource: DATASOURCE,
    ...shape,
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: refId(index),
      datasource: DATASOURCE,
      expr,
      ...(instant ? { format: 'table', instant: true } : { legendFormat: legend }),
    })),
  };
  return { width: panel.width, height, json };
}

function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function described({ shows, normal, otherwise, runbooks = [] }: Words): string {
  const links = runbooks.map((alert) => `[${alert}](${RUNBOOKS}/${alert}.md)`);
  return [
    shows,
    `**Normal:** ${normal}`,
    `**If not:** ${otherwise}`,
    ...(links.length === 0 ? [] : [`**Runbook** (\`grafana/runbooks\`): ${links.join(', ')}`]),
  ].join('\n\n');
}
