/**
 * Runs something that Ctrl-C is to end early, and in order. A second Ctrl-C ends the process, as ever.
 *
 * @param work is given a signal that is aborted at the first Ctrl-C
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort();
  };
  process.once('SIGINT', interrupt);
  try {
    return await work(interruption.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}
