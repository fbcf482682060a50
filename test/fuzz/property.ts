import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import fc from 'fast-check';
import { EckError, type ErrorCode } from '../../src/errors.js';

/** How many inputs of each kind are generated. */
export const runs = Number(process.env['KUBECTL_ECK_FUZZ_RUNS'] ?? 20_000);

/** No input may keep anybody waiting. Generous, since other tests and the garbage collector take their time too. */
const patienceMs = 5000;

/** Holds a property against {@link runs} inputs. fast-check says the seed of a failure. */
export function holds<T>(arbitrary: fc.Arbitrary<T>, property: (input: T) => void, numRuns = runs): void {
  fc.assert(
    fc.property(arbitrary, (input) => {
      const start = performance.now();
      property(input);
      const tookMs = performance.now() - start;
      if (tookMs > patienceMs) throw new Error(`took ${Math.round(tookMs)} ms`);
    }),
    { numRuns, ...replay() },
  );
}

/** The same for a property that waits for something. */
export async function holdsLater<T>(
  arbitrary: fc.Arbitrary<T>,
  property: (input: T) => Promise<void>,
  numRuns = runs,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, property), { numRuns, ...replay() });
}

/** `KUBECTL_ECK_FUZZ_SEED` runs the inputs of an earlier run again. */
function replay(): { seed?: number } {
  const seed = process.env['KUBECTL_ECK_FUZZ_SEED'];
  return seed === undefined ? {} : { seed: Number(seed) };
}

/** Sees to it that no test of a file makes Node.js warn on standard error: libraries that warn quote, too. */
export function expectNoWarnings(): void {
  let warning: jest.SpiedFunction<typeof process.emitWarning> | undefined;
  beforeEach(() => {
    warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => {
    const said = warning?.mock.calls.map(([message]) => message) ?? [];
    warning?.mockRestore();
    expect(said).toEqual([]);
  });
}

/** What a call came to: a value, or an error of one of the codes that it is documented to throw. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: EckError; readonly value?: undefined };

/** @throws what the call threw, where that is none of the documented errors, or its message is not fit to print */
export function outcomeOf<T>(codes: readonly ErrorCode[], call: () => T, secrets?: Secrets): Outcome<T> {
  try {
    return { value: call() };
  } catch (error) {
    return { error: checkError(error, codes, secrets) };
  }
}

export function checkError(error: unknown, codes: readonly ErrorCode[], secrets?: Secrets): EckError {
  if (!(error instanceof EckError)) throw error;
  if (!codes.includes(error.code)) throw new Error(`undocumented code ${error.code}: ${error.message}`);
  if (error.message === '') throw new Error('an empty message');
  if (!isPrintable(error.message)) {
    throw new Error(`not fit to print: ${JSON.stringify(error.message)}`);
  }
  if (error.message.length > 2000) throw new Error(`a message of ${error.message.length} characters`);
  secrets?.rejectIn(error.message);
  return error;
}

/** Whether a text is one line, without control characters and without marks that reorder text. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u.test(text);
}

/** Whether a text has no half of a surrogate pair, and so can be written as UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

const windowLength = 16;

/** Texts no part of which may be said: parts are 16 characters long, since shorter ones turn up by chance. */
export class Secrets {
  readonly #windows = new Set<string>();

  add(secret: string): void {
    for (let start = 0; start + windowLength <= secret.length; start += 1) {
      this.#windows.add(secret.slice(start, start + windowLength));
    }
  }

  rejectIn(text: string): void {
    for (let start = 0; start + windowLength <= text.length; start += 1) {
      if (this.#windows.has(text.slice(start, start + windowLength)))
        throw new Error(`tells a secret: ${text}`);
    }
  }
}
