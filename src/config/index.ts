export { adminGuardFault } from './admin-token.ts';
export type { ConfiguredChannel, EpayAccount, LoadedConfig } from './assemble.ts';
export { type Environment, readEnvironment } from './environment.ts';
export { type ConfigFault, describeFaults } from './faults.ts';
export { confirmMasterKey } from './key-mark.ts';
export { type LoadOptions, loadConfig } from './load.ts';
export { openMasterKey } from './master-key.ts';
