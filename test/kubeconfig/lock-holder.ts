/** A process that locks the file it is given, prints `locked`, and runs until a signal ends it. */
import { withLocks } from '../../src/kubeconfig/write.js';

await withLocks([process.argv[2] ?? ''], async () => {
  console.log('locked');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
