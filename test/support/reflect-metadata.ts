/**
 * What `@peculiar/x509` needs of the `reflect-metadata` proposal. The container that it keeps its algorithms in
 * (tsyringe) does not load without these two functions, and asks them for nothing but the parameters of constructors,
 * of which the library's classes have none. Import this before the library.
 */
const noMetadata = (): undefined => undefined;

for (const name of ['getMetadata', 'getOwnMetadata']) {
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value: noMetadata, configurable: true });
}
export {};
