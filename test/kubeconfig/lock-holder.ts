/** A process of its own that locks the file it is given, prints `locked`, and goes on until a signal ends it. */
import { defaultPatience, withLocks } from '../../src/kubeconfig/user-lock.js';

await withLocks([process.argv[2] ?? ''], defaultPatience, async () => {
  console.log('locked');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
