export { type AdminAppParts, createAdminApp, type Readiness } from './admin-app.ts';
export type { DryRunAnswer, DryRunRequest } from './admin-dry-run.ts';
export { endpointStates } from './admin-events.ts';
export type { PublicAppParts } from './context.ts';
export { type Listener, type ListenOptions, listen } from './listen.ts';
export { createPublicApp } from './public-app.ts';
