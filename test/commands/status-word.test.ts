import { expect, test } from '@jest/globals';
import { statusWord, type StatusFacts, type StatusWord } from '../../src/commands/status.js';

const now = new Date('2026-03-01T12:00:00Z');
const hour = 3_600_000;
const hence = (hours: number): Date => new Date(now.getTime() + hours * hour);
const good = { fetchedAt: hence(-1), notBefore: hence(-1), notAfter: hence(1000) };
const old = { ...good, fetchedAt: hence(-13) };
const ended = { ...good, notAfter: now };

const facts: StatusFacts = { finding: 'there', wasKept: true, hasContext: true, dates: good };

test.each<[string, Partial<StatusFacts>, StatusWord]>([
  ['it is there', {}, 'ok'],
  ['it is there, and was never seen to be kept', { wasKept: false, dates: undefined }, 'ok'],
  ['it is old', { dates: old }, 'due'],
  ['it has ended', { dates: ended }, 'expired'],
  ['nobody asks for it', { hasContext: false }, 'no context'],
  ['nobody asks for it, and it is old', { hasContext: false, dates: old }, 'no context'],
  ['nobody asks for it, and it has ended', { hasContext: false, dates: ended }, 'expired'],
  ['it is not there any more', { finding: 'absent' }, 'gone'],
  ['it is not there any more, and would have ended', { finding: 'absent', dates: ended }, 'gone'],
  ['it never was there', { finding: 'absent', wasKept: false, dates: undefined }, 'not kept'],
  ['the keychain is locked', { finding: 'locked', dates: ended }, 'locked'],
  ['the keychain cannot be asked', { finding: 'unknown', hasContext: false }, 'unknown'],
])('%s', (_, changes, word) => {
  expect(statusWord({ ...facts, ...changes }, { maxAgeMs: 12 * hour }, now)).toBe(word);
});
