/** What an operator is told of one request or notification. */
export interface Diagnosis {
  /** `unsure`: it may be well; somebody has to look. */
  readonly state: 'well' | 'unsure' | 'wrong';
  /** In a few words. */
  readonly verdict: string;
  readonly why: string;
  /** What to do; empty when there is nothing to do. */
  readonly cure: string;
}

export function wrong(verdict: string, why: string, cure: string): Diagnosis {
  return { state: 'wrong', verdict, why, cure };
}

export function unsure(verdict: string, why: string, cure: string): Diagnosis {
  return { state: 'unsure', verdict, why, cure };
}

export function well(verdict: string, why = ''): Diagnosis {
  return { state: 'well', verdict, why, cure: '' };
}
