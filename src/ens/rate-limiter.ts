import PQueue from 'p-queue';

/** ENS lets one user make 100 calls in any second. A few are left to the listing before, and to other programs. */
const callsASecond = 95;
const secondMs = 1_000;
/** At the beginning, too, calls are spread: no more than these begin at once. */
const spread = { intervalCap: 6, interval: 50 } as const;
/** How long nothing is asked where ENS says that it is too much, as when another program calls it too. */
const pauseMs = secondMs;
/** By how much fewer calls are made after that, and after how many that succeeded it is one more again. */
const [decrease, successesForOneMore] = [0.5, 5];
const leastCallsASecond = 5;

/**
 * Makes calls side by side as fast as ENS allows, and slows down where it asks for it.
 *
 * When a call arrives at ENS, nobody here knows; but not before it was begun and not after it was answered. So a call
 * counts from its beginning until a second after its end, and in no second can more arrive than may, however
 * irregularly they travel.
 */
export class RateLimiter {
  readonly #spread = new PQueue({ ...spread, strict: true });
  readonly #counted = new PQueue({ concurrency: callsASecond });
  readonly #timers = new Set<NodeJS.Timeout>();
  #pause: NodeJS.Timeout | undefined;
  #successes = 0;

  /** Makes a call when its time has come. Settles as the call does. */
  async make<T>(call: () => Promise<T>): Promise<T> {
    await this.#spread.add(() => undefined);
    return new Promise<T>((resolve, reject) => {
      void this.#counted.add(async () => {
        await call().then((answer) => {
          resolve(answer);
          this.#speedUp();
        }, reject);
        await this.#wait(secondMs);
      });
    });
  }

  /**
   * Begins no call for a while.
   *
   * @param retryAfterMs how long ENS wants to be left alone, where it said so
   */
  slowDown(retryAfterMs = 0): void {
    clearTimeout(this.#pause);
    if (!this.#counted.isPaused) {
      const fewer = Math.floor(this.#counted.concurrency * decrease);
      this.#counted.concurrency = Math.max(leastCallsASecond, fewer);
    }
    this.#counted.pause();
    this.#pause = setTimeout(() => this.#counted.start(), Math.max(pauseMs, retryAfterMs));
  }

  #speedUp(): void {
    this.#successes += 1;
    if (this.#successes % successesForOneMore !== 0 || this.#counted.concurrency >= callsASecond) return;
    this.#counted.concurrency += 1;
  }

  /** Forgets what is counted, which would keep the process from ending for another second. */
  close(): void {
    clearTimeout(this.#pause);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}
