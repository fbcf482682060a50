const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Has `cleanUp` called, without delay and without waiting for anything, when this process is told to end, or ends.
 * A signal then does what it would have done.
 *
 * @returns takes the request back
 */
export function onTermination(cleanUp: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    cleanUp();
    stop();
    // Nobody else wants to know: without a listener the signal ends the process, as it should.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const stop = () => {
    process.off('exit', cleanUp);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', cleanUp);
  for (const signal of signals) process.on(signal, onSignal);
  return stop;
}
