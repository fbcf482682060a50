/** A mapping that was read from YAML or JSON. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping: neither a list nor a plain value. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
