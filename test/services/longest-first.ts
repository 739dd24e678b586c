import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites that take a minute, most of it waiting for real time to pass; begun last, they would be what the run waits for. */
const LONG = [
  'test/chaos/crash',
  'test/grafana/alerts.e2e',
  'test/grafana/rules.test',
  'test/chaos/',
  'test/e2e/',
  'test/simulation/',
];

/** Begins the long suites first, so that the short ones fill the time in which they wait. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const path = relative(process.cwd(), moduleId);
      const place = LONG.findIndex((start) => path.startsWith(start));
      return place < 0 ? LONG.length : place;
    };
    return bySize.toSorted((one, other) => rank(one) - rank(other));
  }
}
