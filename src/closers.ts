/** What could be opened has to be closed again, in reverse, also when a later part fails to open. */
export type Closers = (() => Promise<void>)[];

/** A part that cannot be closed keeps none of the others open; what it said is told at the end. */
export async function closeAll(closers: Closers): Promise<void> {
  const problems: unknown[] = [];
  for (const close of closers.splice(0).reverse()) await close().catch((thrown: unknown) => problems.push(thrown));
  if (problems.length > 0) throw new AggregateError(problems, 'some parts could not be closed');
}
