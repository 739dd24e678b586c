export type {
  AdminStatus,
  ChannelStatus,
  ClockStatus,
  ConfigStatus,
  FailureStatus,
  FullStatus,
  GatewayStatus,
} from './model.ts';
export { problemsOf } from './problems.ts';
export { addStatusRoutes, type StatusParts } from './routes.ts';
