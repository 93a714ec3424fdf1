/** What Node's error codes say about a file, in words. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EISDIR: 'it is a folder',
  EEXIST: 'a file is in its place',
  ENOTDIR: 'a part of its path is a file and no folder',
  EACCES: 'this user may not do that (EACCES)',
  EPERM: 'this user may not do that (EPERM)',
  EROFS: 'its file system takes no changes',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of its disk is used up',
  EFBIG: 'it may not become larger (ulimit -f)',
  EMFILE: 'this process may open no more files (ulimit -n)',
  ENFILE: 'this machine may open no more files',
  EIO: 'its device fails (EIO)',
  ENOTREG: 'it is a pipe, a socket or a device, which may never end',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
};

/** Why /proc and others take no folder, which they do not say themselves. */
export const NO_NEW_FOLDERS = 'its file system takes no new folders';

/** Says why a file or folder cannot be read or written. @param thrown what Node threw */
export function fileFault(thrown: unknown): string {
  const { code, syscall } = (thrown ?? {}) as { readonly code?: unknown; readonly syscall?: unknown };
  // The folders above are made first.
  if (code === 'ENOENT' && syscall === 'mkdir') return NO_NEW_FOLDERS;
  const meaning = typeof code === 'string' && Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  return meaning ?? (thrown instanceof Error ? thrown.message : 'the reason is not known');
}
