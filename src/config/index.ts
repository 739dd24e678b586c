export type { ConfiguredChannel, EpayAccount, LoadedConfig } from './assemble.ts';
export { type Environment, readEnvironment } from './environment.ts';
export { type ConfigFault, describeFaults } from './faults.ts';
export { PAYMENT_METHODS } from './gateway-schema.ts';
export { confirmMasterKey } from './key-mark.ts';
export { type LoadOptions, loadConfig } from './load.ts';
export { openMasterKey } from './master-key.ts';
export { distinctList, durationMs, parseDurationMs, section, shareRatio } from './units.ts';
export { type NoteFault, readYaml } from './yaml-file.ts';
