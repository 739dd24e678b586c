/** One rule of the house: what files of a part may not import, and why. */
export interface HouseRule {
  readonly name: string;
  readonly why: string;
  /** Paths are relative to the project, with slashes. Answers true when `from` must not import `to`. */
  forbids(from: string, to: string): boolean;
}

const CORE = 'src/payment/index.ts';

/** Files under `folder` may import themselves and what matches, of the project's own files. */
function only(name: string, folder: RegExp, allowed: (inside: string) => RegExp, why: string): HouseRule {
  return {
    name,
    why,
    forbids: (from, to) => {
      const inside = folder.exec(from)?.[0];
      return inside !== undefined && !to.startsWith(inside) && !allowed(inside).test(to);
    },
  };
}

const FACE = /^src\/[^/]+\/(index|port)\.ts$|^src\/(store|channel|ephemeral)\/[^/]+\/index\.ts$/;

export const HOUSE_RULES: readonly HouseRule[] = [
  only('payment imports nothing', /^src\/payment\//, () => /^$/, 'The heart knows nothing of the rest.'),
  only('routing imports payment', /^src\/routing\//, () => new RegExp(`^${CORE}$`), 'Routing is pure.'),
  only(
    'channel imports payment',
    /^src\/channel\//,
    () => new RegExp(`^${CORE}$`),
    'The contract stands on the payment alone.',
  ),
  only('epay imports payment', /^src\/epay\//, () => new RegExp(`^${CORE}$`), 'What is signed and how is pure.'),
  only(
    'gateway imports ports',
    /^src\/gateway\//,
    () => /^src\/((payment|routing|channel|epay)\/index|(store|ephemeral|evidence)\/port)\.ts$/,
    'Use cases speak in ports; adapters are put in by main.ts.',
  ),
  only(
    'store imports payment',
    /^src\/store\//,
    () => /^src\/payment\/(index|durable)\.ts$/,
    'A store knows documents, not use cases.',
  ),
  only(
    'ephemeral imports payment',
    /^src\/ephemeral\//,
    () => new RegExp(`^${CORE}$`),
    'It may be lost; it decides nothing.',
  ),
  only(
    'evidence imports payment and channel',
    /^src\/evidence\//,
    () => /^src\/(payment|channel)\/index\.ts$/,
    'It writes down what others say and decides nothing.',
  ),
  only(
    'a story imports payment and evidence',
    /^src\/story\//,
    () => /^src\/(payment|evidence)\/index\.ts$/,
    'It is told from what is stored.',
  ),
  only(
    'what-if imports payment and routing',
    /^src\/what-if\//,
    () => /^src\/(payment|routing)\/index\.ts$/,
    'It tries the routing of the gateway out, and knows neither stores nor files.',
  ),
  only(
    'a rehearsal imports faces',
    /^src\/rehearsal\//,
    () => /^src\/((what-if|payment|routing|channel|config)\/index|store\/port)\.ts$/,
    'It brings recorded and made-up traffic to the simulator; its caller brings the store.',
  ),
  only(
    'alerts import payment',
    /^src\/alerts\//,
    () => new RegExp(`^${CORE}$`),
    'Who is told, and how, knows nothing of what is wrong.',
  ),
  only(
    'a doctor imports payment, epay and gateway',
    /^src\/doctor\//,
    () => /^src\/(payment|epay|gateway)\/index\.ts$/,
    'It puts what was recorded into words; facts in, words out.',
  ),
  only(
    'edges import faces',
    /^src\/(http|telemetry|webhooks|config)\//,
    () => /^src\/((payment|routing|channel|epay|gateway|alerts|doctor)\/index|(store|ephemeral)\/port)\.ts$/,
    'The edges use the faces of the inner folders, and not each other.',
  ),
  only(
    'providers import the contract',
    /^channels\/[^/]+\//,
    () => /^src\/(channel\/index|channel\/sandbox\/index|payment\/index)\.ts$/,
    'A provider folder knows the contract, and no other provider.',
  ),
  only(
    'the client imports nothing',
    /^sdk\//,
    () => /^$/,
    'It is published alone, and runs where Switchyard does not.',
  ),
  {
    name: 'a simulator shares no code with its adapter',
    why: 'It would share its mistakes.',
    forbids: (from, to) => /^channels\/[^/]+\/sandbox\//.test(from) && /^channels\/[^/]+\/(?!sandbox\/)/.test(to),
  },
  {
    name: 'an adapter does not know its simulator',
    why: 'Only the index may load it, on demand, so that a live gateway never does.',
    forbids: (from, to) =>
      /^channels\/[^/]+\/(?!sandbox\/|index\.ts)/.test(from) && /^channels\/[^/]+\/sandbox\//.test(to),
  },
  {
    name: 'receipts come from stores',
    why: 'Only a store may prove that something is durable (I3).',
    forbids: (from, to) =>
      to === 'src/payment/durable.ts' && /^(src|channels)\//.test(from) && !/^src\/(store|payment)\//.test(from),
  },
  {
    name: 'parts are entered by their faces',
    why: 'Whatever a folder does not show may change without anybody noticing.',
    forbids: (from, to) => /^src\/[^/]+\.ts$/.test(from) && /^src\/[^/]+\//.test(to) && !FACE.test(to),
  },
  {
    name: 'no member imports its own face',
    why: 'A barrel that its members import is a circle in waiting.',
    forbids: (from, to) => {
      const folder = /^(src\/[^/]+)\/[^/]+\.ts$/.exec(from)?.[1];
      return folder !== undefined && to === `${folder}/index.ts`;
    },
  },
  {
    name: 'production does not know tests',
    why: 'A test double in production is a fault waiting to be paid with.',
    forbids: (from, to) => /^(src|channels)\//.test(from) && /^(test|bench|scripts|sdk)\//.test(to),
  },
];
