import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import fc from 'fast-check';
import { EckError, type ErrorCode } from '../../src/errors.js';
import { seed } from './seed.js';

/** How many inputs a property is tested with. */
export const runs = process.env['CI'] === 'true' ? 20_000 : 1_000;

jest.setTimeout(240_000);
/** Far more than any input needs, since other tests run at the same time. */
const limitMs = 5_000;

const parameters = { numRuns: runs, ...(seed !== undefined && { seed }) };

/** Tests a property with {@link runs} inputs, each within a time limit. */
export function holds<T>(arbitrary: fc.Arbitrary<T>, property: (input: T) => void): void {
  const timed = fc.property(arbitrary, (input) => {
    const start = performance.now();
    property(input);
    const tookMs = Math.round(performance.now() - start);
    if (tookMs > limitMs) throw new Error(`took ${tookMs} ms`);
  });
  fc.assert(timed, parameters);
}

/** {@link holds} for a property that is asynchronous. */
export function holdsLater<T>(
  arbitrary: fc.Arbitrary<T>,
  property: (input: T) => Promise<void>,
  numRuns = runs,
): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, property), { ...parameters, numRuns, timeout: limitMs });
}

/** Fails the tests of a file that make Node.js print a warning: warnings of libraries quote their input. */
export function expectNoWarnings(): void {
  const warnings: unknown[] = [];
  beforeEach(() => {
    jest.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    expect(warnings).toEqual([]);
  });
}

/** A value, or an error with a documented code. */
type Outcome<T> = { value: T; error?: undefined } | { error: EckError; value?: undefined };

/** @throws what {@link checkError} throws */
export function outcomeOf<T>(codes: readonly ErrorCode[], call: () => T, secrets?: Secrets): Outcome<T> {
  try {
    return { value: call() };
  } catch (error) {
    return { error: checkError(error, codes, secrets) };
  }
}

/** @throws an error that has no documented code, contains a secret, or is not one printable line */
export function checkError(error: unknown, codes: readonly ErrorCode[], secrets?: Secrets): EckError {
  if (!(error instanceof EckError)) throw error;
  const { code, message } = error;
  if (!codes.includes(code)) throw new Error(`undocumented code ${code}: ${message}`);
  if (message === '' || message.length > 2000) throw new Error(`a message of ${message.length} characters`);
  if (!isPrintable(message)) throw new Error(`not printable: ${JSON.stringify(message)}`);
  secrets?.rejectIn(message);
  return error;
}

/** Whether a text is one line, without control characters and marks that reorder text. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u.test(text);
}

/** Texts of which no 16 characters in a row may be shown. Shorter parts occur by chance. */
export class Secrets {
  readonly #parts = new Set<string>();

  add(secret: string): void {
    for (const part of partsOf(secret)) this.#parts.add(part);
  }

  rejectIn(text: string): void {
    if (partsOf(text).some((part) => this.#parts.has(part))) throw new Error(`shows a secret: ${text}`);
  }
}

function partsOf(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - 15) }, (_, start) => text.slice(start, start + 16));
}
