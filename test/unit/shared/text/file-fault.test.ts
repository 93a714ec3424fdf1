import { expect, it } from 'vitest';
import { fileFault } from '../../../../shared/text/file-fault.ts';

it.each([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota of its disk is used up'],
  ['EFBIG', 'it may not become larger (ulimit -f)'],
  ['EMFILE', 'this process may open no more files (ulimit -n)'],
  ['ENFILE', 'this machine may open no more files'],
  ['EIO', 'its device fails (EIO)'],
])('a file that fails with %s is said in words', (code, words) => {
  expect(fileFault(Object.assign(new Error(`${code}: raw text, scandir '/folder'`), { code }))).toBe(words);
});
