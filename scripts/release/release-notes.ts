/**
 * What a changelog in the format of keepachangelog.com says about a version.
 *
 * @throws Error where it has no such section, or an empty one
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^(?=## )/m);
  const section = sections.find((one) => one.startsWith(`## [${version}]`));
  const notes = section?.replace(/^.*\n/, '').trim();
  if (notes === undefined || notes === '') throw new Error(`CHANGELOG.md says nothing about ${version}`);
  return notes;
}
