import { describe, expect, test } from '@jest/globals';
import { progressLine } from '../../src/terminal/progress.js';

describe('a progress bar', () => {
  test.each([
    [0, 4, 'Fetching [------------------------------] 0/4'],
    [1, 4, 'Fetching [#######-----------------------] 1/4'],
    [4, 4, 'Fetching [##############################] 4/4'],
    [0, 0, 'Fetching [##############################] 0/0'],
  ])('at %d of %d is as long as ever', (done, total, line) => {
    expect(progressLine('Fetching', done, total)).toBe(line);
  });
});
