/** `KUBERNETES_EXEC_INFO` as kubectl sets it, with parts of it replaced. */
export function execInfo(changes: object = {}): string {
  return JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec: { interactive: false },
    ...changes,
  });
}
