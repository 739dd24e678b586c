export { issueCertificate } from './certificate.ts';
export * from './contract.ts';
export type { ControlRefusal, SandboxControl } from './control.ts';
export { type FaultsPatch, NO_FAULTS } from './faults.ts';
export { type SandboxHost, type SandboxHostOptions, startSandboxHost } from './host.ts';
