/**
 * A process of its own that adds 1 to the number in a file, again and again, each time under the lock.
 *
 * `lock-counter.ts LOCK FILE TIMES` prints `ready` before it begins, `done` at the end, and `lost` wherever the lock
 * was taken from it meanwhile.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LockAttempt } from '../../src/exec-credential/lock.js';

const [path = '', file = '', times] = process.argv.slice(2);
console.log('ready');
for (let count = 0; count < Number(times); count += 1) {
  const attempt = new LockAttempt(path);
  let lock = attempt.try();
  while (lock === undefined) {
    await delay(10 * Math.random());
    lock = attempt.try();
  }
  const before = Number(readFileSync(file, 'utf8'));
  // So that somebody else gets a chance to do harm.
  await delay(1);
  writeFileSync(file, String(before + 1));
  if (!lock.isStillHeld()) console.log('lost');
  lock.release();
}
console.log('done');
