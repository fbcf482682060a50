import { basename } from 'node:path';
import { isMap, isSeq, parseDocument, type Document, type YAMLMap } from 'yaml';

/** What a release fills into krew-manifest.yaml. */
export interface ReleaseFacts {
  readonly version: string;
  /** The project's page. */
  readonly homepage: string;
  /** The archives, by name. */
  readonly sha256: ReadonlyMap<string, string>;
}

/**
 * Fills in the template of the krew manifest.
 *
 * @param libc `musl` for the manifest that such systems need, which krew cannot tell from others: Linux alone, and
 * its archives for musl
 * @throws Error where the template names an archive that there is none of, or something else that is not known
 */
export function krewManifest(template: string, facts: ReleaseFacts, libc?: 'musl'): string {
  const release = `${facts.homepage}/releases/download/v${facts.version}`;
  // What the template says about itself is not for krew's users.
  const filled = fillIn(template.replace(/^(#.*\n)+/, ''), {
    version: facts.version,
    homepage: facts.homepage,
    release,
  });
  const document = parseDocument(filled);
  const platforms = platformsOf(document);
  if (libc === 'musl') {
    platforms.items = platforms.items.filter((one) => one.getIn(selectedOs) === 'linux');
  }
  for (const platform of platforms.items) {
    const uri = String(platform.get('uri')).replace(/(?=\.tar\.gz$)/, libc === undefined ? '' : `_${libc}`);
    const sha256 = facts.sha256.get(basename(uri));
    if (sha256 === undefined)
      throw new Error(`krew-manifest.yaml names ${basename(uri)}, which was not made`);
    platform.set('uri', uri);
    platform.set('sha256', sha256);
  }
  return document.toString({ lineWidth: 0 });
}

const selectedOs = ['selector', 'matchLabels', 'os'];

function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\$\{(\w+)\}/g, (placeholder, name: string) => {
    // Each archive has its own.
    if (name === 'sha256') return placeholder;
    const value = values[name];
    if (value === undefined) throw new Error(`krew-manifest.yaml has an unknown placeholder: ${placeholder}`);
    return value;
  });
}

function platformsOf(document: Document): { items: YAMLMap[] } {
  const platforms = document.getIn(['spec', 'platforms']);
  if (!isSeq(platforms) || !platforms.items.every(isMap)) {
    throw new Error('krew-manifest.yaml has no list of platforms');
  }
  return platforms as { items: YAMLMap[] };
}
