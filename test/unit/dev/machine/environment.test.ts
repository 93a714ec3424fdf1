import { expect, it } from 'vitest';
import { leaveOutThisMachine } from '../../../../dev/machine/environment.ts';

const LOCAL = '127.0.0.1,localhost';

it.each([
  [{}, { NO_PROXY: LOCAL }],
  [{ NO_PROXY: '.corp.example' }, { NO_PROXY: `.corp.example,${LOCAL}` }],
  [
    { NO_PROXY: 'a', no_proxy: '' },
    { NO_PROXY: 'a', no_proxy: LOCAL },
  ],
  [{ no_proxy: '*' }, { no_proxy: '*' }],
])('of %j, this machine is left out once', (environment, wanted) => {
  leaveOutThisMachine(environment);
  leaveOutThisMachine(environment);
  expect(environment).toEqual(wanted);
});
