import { EckError, messageOf, printable } from '../errors.js';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  // What mkdir says of the same.
  EEXIST: 'a part of its path is not a directory',
  ELOOP: 'its symbolic links go in a circle',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'there is no space left',
  EDQUOT: 'there is no space left',
  EFBIG: 'there is no space left',
  EBUSY: 'it is in use, or mounted by itself',
};

/** The code of an error of the operating system, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** `kubeconfig-unusable`: this file cannot be read. */
export function cannotRead(path: string, reason: unknown): EckError {
  return new EckError(
    'kubeconfig-unusable',
    `The kubeconfig ${printable(path)} cannot be read: ${describe(reason)}. ` +
      'Mend that, or choose another file with --kubeconfig or KUBECONFIG',
    { cause: reason },
  );
}

/** `kubeconfig-unusable`: this file cannot be written, and is as it was. */
export function cannotWrite(path: string, reason: unknown): EckError {
  return new EckError(
    'kubeconfig-unusable',
    `The kubeconfig ${printable(path)} cannot be written: ${describe(reason)}. ` +
      'It was not changed; mend that, or choose another file with --kubeconfig or KUBECONFIG',
    { cause: reason },
  );
}

function describe(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  return reasons[errorCode(reason) ?? ''] ?? messageOf(reason);
}
