/**
 * The ids of ECK clusters that a name holds: `eck-` and lower-case letters and digits, as in `admin@eck-0123abcd` and
 * `eck-0123abcd-staging`. Each is told once.
 */
export function clusterIdsIn(name: string): string[] {
  return [...new Set(name.match(/(?<![\p{L}\p{N}])eck-[a-z0-9]+(?![\p{L}\p{N}])/gu))];
}
