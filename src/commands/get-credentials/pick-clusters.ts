import stringWidth from 'fast-string-width';
import type { Cluster } from '../../ens/actions.js';
import { pickMany } from '../../terminal/prompt.js';

/**
 * Lets the person pick from clusters, by name, id or region.
 *
 * @returns their ids, at least one
 * @throws EckError `interrupted` where the person would rather not
 */
export function pickClusters(clusters: readonly Cluster[]): Promise<readonly string[]> {
  const nameWidth = Math.max(...clusters.map(({ name }) => stringWidth(name)));
  return pickMany(
    'Which clusters?',
    clusters.map(({ clusterId, name, region }) => {
      const padding = ' '.repeat(nameWidth - stringWidth(name));
      return { value: clusterId, label: `${name}${padding}  ${clusterId}  ${region}`.trim() };
    }),
  );
}
