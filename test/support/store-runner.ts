// Serves a store to a test over standard input and output, one JSON text a line: the addon reads the environment of
// its own process, so a store is tested in a process that has the environment that the test is about.
import { createInterface } from 'node:readline';
// Compiled at once: compiling it when it is needed would open pipes to a compiler just when connections are ended.
import '../../src/store/hang-up.js';
import { openStore } from '../../src/store/open-store.js';
import { StoreError } from '../../src/store/store.js';
import type { StoreAnswer, StoreCall, StoreRunnerSettings } from './remote-store.js';

const settings = JSON.parse(process.argv[2] ?? '') as StoreRunnerSettings;
const store = openStore(settings.choice, {
  environment: process.env,
  platform: process.platform,
  homeDirectory: () => process.env['HOME'] ?? '',
  warn: (message) => {
    answer({ warning: message });
  },
  onFailure: ({ store: name, code, message }) => {
    answer({ failure: { store: name, code, message } });
  },
  ...(settings.patience === undefined ? {} : { limits: settings.patience }),
});

void serve();

async function serve(): Promise<void> {
  answer({ ready: process.pid });
  for await (const line of createInterface({ input: process.stdin })) {
    const call = JSON.parse(line) as StoreCall;
    try {
      answer({ result: await perform(call) });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      answer({ thrown: { store: error.store, code: error.code, message: error.message } });
    }
  }
}

async function perform(call: StoreCall): Promise<string | boolean | null> {
  switch (call.method) {
    case 'read': {
      const entry = await store.read(call.account);
      return entry === undefined ? null : Buffer.from(entry).toString('base64');
    }
    case 'write':
      return store.save(call.account, Buffer.from(call.entry, 'base64'));
    case 'delete':
      return store.delete(call.account);
  }
}

function answer(message: StoreAnswer): void {
  console.log(JSON.stringify(message));
}
