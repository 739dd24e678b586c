/** Which protocol the simulated operator's account speaks, and how it is set up there. */
export interface Settings {
  readonly version: 'v1' | 'v2';
  /** Handed to the gateway with the credentials. */
  readonly createBy: 'api' | 'link';
  /** How long a pay page takes money. */
  readonly orderLifeMs: number;
}

export const SETTINGS: Settings = { version: 'v1', createBy: 'api', orderLifeMs: 3_600_000 };
