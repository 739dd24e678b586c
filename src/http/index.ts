export { type AdminAppParts, createAdminApp, type Readiness } from './admin-app.ts';
export type { DryRunAnswer, DryRunRequest } from './admin-dry-run.ts';
export { endpointStates } from './admin-events.ts';
export type { AdminGuard, AdminRefusal } from './admin-guard.ts';
export type { PublicAppParts } from './context.ts';
export { type Listener, type ListenOptions, listen } from './listen.ts';
export { createPublicApp } from './public-app.ts';
export {
  type AdminStatus,
  type ChannelStatus,
  type ClockStatus,
  type ConfigStatus,
  type FailureStatus,
  type FullStatus,
  type GatewayStatus,
  problemsOf,
} from './status/index.ts';
