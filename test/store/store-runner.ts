// Serves a store over standard input and output, one JSON text a line: see remote-store.ts.
import { createInterface } from 'node:readline';
import { openStore } from '../../src/store/open.js';
import { StoreError } from '../../src/store/store.js';
import { type StoreChoice } from '../../src/settings.js';
import type { StoreAnswer, StoreCall } from './remote-store.js';

const store = openStore(process.argv[2] as StoreChoice, {
  environment: process.env,
  platform: process.platform,
  homeDirectory: () => process.env['HOME'] ?? '',
  warn: () => undefined,
});

async function answer([method, key = '', entry = '']: StoreCall): Promise<StoreAnswer> {
  try {
    const result = await store[method](key, Buffer.from(entry, 'base64'));
    return { result: result instanceof Uint8Array ? Buffer.from(result).toString('base64') : result };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { store: name, code, message } = error;
    return { thrown: { store: name, code, message } };
  }
}

void (async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as StoreCall)));
  }
})();
