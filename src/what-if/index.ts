export { hashText } from './chance.ts';
export { describeReport } from './describe.ts';
export { createRecordedFigures } from './recorded-figures.ts';
export { type Lesson, learnWorld } from './recorded-world.ts';
export type * from './report.ts';
export {
  ASSUMED,
  type Scenario,
  type ScenarioBehaviour,
  type ScenarioChannel,
  type Stream,
  scenarioTraffic,
  scenarioWorld,
} from './scenario.ts';
export type * from './types.ts';
export { type WhatIf, whatIf } from './what-if.ts';
