import PQueue from 'p-queue';

/** ENS allows 100 calls in any second. 80 leave room for calls that travel at different speeds. */
const rate = { intervalCap: 8, interval: 100, strict: true } as const;
const pauseMs = 1000;

/** Starts calls as fast as ENS allows. */
export class RateLimiter {
  readonly #queue = new PQueue(rate);
  #pause: NodeJS.Timeout | undefined;

  /** Starts a call when it is its turn. Settles as the call does. */
  make<T>(call: () => Promise<T>): Promise<T> {
    return this.#queue.add(call);
  }

  /**
   * Starts no call for a second, or for as long as ENS asks.
   *
   * @param retryAfterMs what ENS asks for, if it does
   */
  slowDown(retryAfterMs = 0): void {
    clearTimeout(this.#pause);
    this.#queue.pause();
    this.#pause = setTimeout(() => this.#queue.start(), Math.max(pauseMs, retryAfterMs));
  }

  /** Drops what waits, so that the process can end. */
  close(): void {
    clearTimeout(this.#pause);
    this.#queue.clear();
  }
}
