import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { releaseNotes } from '../../scripts/release/release-notes.js';
import { releaseVersion } from '../support/release.js';
import { repository } from '../support/sandbox.js';

const changelog = '# Changelog\n\n## [1.1.0] - 2026-01-02\n\n- New.\n\n## [1.0.0]\n\nOld.\n\n## [0.9.0]\n';

test.each([
  ['1.1.0', '- New.'],
  ['1.0.0', 'Old.'],
])('the notes of %s are what its section says', (version, notes) => {
  expect(releaseNotes(changelog, version)).toBe(notes);
});

test.each(['0.9.0', '2.0.0', '1.1'])('there are none of %s', (version) => {
  expect(() => releaseNotes(changelog, version)).toThrow(`CHANGELOG.md says nothing about ${version}`);
});

test('the changelog tells of the version in package.json', () => {
  expect(releaseNotes(readFileSync(join(repository, 'CHANGELOG.md'), 'utf8'), releaseVersion)).not.toBe('');
});
