/** `KUBERNETES_EXEC_INFO` as kubectl sets it, with changed fields. */
export function execInfo(changes: object = {}): string {
  const apiVersion = 'client.authentication.k8s.io/v1';
  return JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false }, ...changes });
}
