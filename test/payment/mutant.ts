/** One rule taken out of the core, and the properties that must notice. */
export interface Mutant {
  readonly removes: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Some words of the `says` of each property that has to fail. */
  readonly caughtBy: readonly string[];
}
