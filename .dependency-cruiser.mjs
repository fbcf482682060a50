// The layout of src/, checked by `npm run lint`.

/** From top to bottom. A room imports only rooms below it; all of them import the files at the top of src/. */
const rooms = 'main.ts commands terminal exec-credential ens kubeconfig store credential'.split(' ');
const path = (room) => `^src/${room}(/|$)`;
const topFiles = '^src/(?!main)[^/]+$';

export default {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    ...rooms.map((room, index) => ({
      name: `nothing below imports ${room}`,
      severity: 'error',
      from: { path: [...rooms.slice(index + 1).map(path), topFiles] },
      to: { path: path(room) },
    })),
    {
      name: 'every room has its place',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: [...rooms.map(path), topFiles] },
    },
    {
      // kubectl waits for these rooms, so they load heavy modules with import() where they need them.
      name: 'nothing heavy on the hot path',
      severity: 'error',
      from: { path: [...['main.ts', 'exec-credential', 'store', 'credential'].map(path), topFiles] },
      to: {
        path: ['^src/(commands|terminal|ens|kubeconfig)/', 'node_modules/(yaml|commander|@alicloud|@kubernetes)/'],
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
    {
      // It takes 15 ms, and most commands make no call.
      name: 'the cloud SDK loads with the first call',
      severity: 'error',
      from: { path: ['^src/commands/', '^src/ens/(actions|client)'] },
      to: {
        path: '^src/ens/(send|sign-in|providers|transport|proxy)',
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
  ],
  options: {
    doNotFollow: 'node_modules',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
