/**
 * A process of its own that takes the lock it is given. It prints its process id, then `held`, and `lost` once the
 * lock was taken away from it; then it releases what it has, prints `released` and ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LockAttempt } from '../../src/exec-credential/lock.js';

console.log(process.pid);
const attempt = new LockAttempt(process.argv[2] ?? '');
let lock = attempt.try();
while (lock === undefined) {
  await delay(20);
  lock = attempt.try();
}
console.log('held');
while (lock.isStillHeld()) await delay(20);
console.log('lost');
lock.release();
console.log('released');
