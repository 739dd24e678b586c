/** Does `round` again and again, each time `everyMs` after it was done. `stop` waits for the round under way; none keeps the process alive. */
export function repeat(round: () => Promise<void>, everyMs: number): { start(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = true;

  async function go(): Promise<void> {
    await round();
    if (stopped) return;
    timer = setTimeout(begin, everyMs);
    timer.unref();
  }

  function begin(): void {
    running = go();
  }

  return {
    start() {
      stopped = false;
      begin();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
