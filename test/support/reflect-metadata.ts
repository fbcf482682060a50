// The two functions of `reflect-metadata` that @peculiar/x509's dependency tsyringe needs. Import it before the library.
for (const name of ['getMetadata', 'getOwnMetadata']) {
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true });
}
export {};
