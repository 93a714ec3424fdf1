import { describe, expect, it } from 'vitest';
import { apiKeysWith } from '../../../dev/identity.ts';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { refusalOf } from '../support.ts';

const KEY = createApiKey('dev');
const own = { id: 'dev', tenant: 'demo', hash: await hashApiKey(KEY) };
const given = { id: 'ci', tenant: 'acme', hash: await hashApiKey(createApiKey('ci')) };

describe('the keys of the edge of a local stack', () => {
  it.each([
    ['alone, if nobody sets others', undefined, [own]],
    ['beside those that somebody sets', [given], [given, own]],
    ['once, if it is one of these', [own, given], [own, given]],
  ])('have the key that the stack prints %s', async (_when, list, expected) => {
    const setting = list && JSON.stringify(list);
    expect(JSON.parse(await apiKeysWith({ key: KEY, tenant: 'demo' }, setting))).toEqual(expected);
  });

  it('cannot have another key with its id', async () => {
    const setting = JSON.stringify([{ ...given, id: 'dev' }]);
    const error = await refusalOf(() => apiKeysWith({ key: KEY, tenant: 'demo' }, setting));
    expect(error.message).toBe('API_KEYS: the id dev is that of the key of this stack; choose another one');
  });

  it.each(['', '{', '{"id":"ci"}', 'null'])(
    'are left to the edge if they are no list: %s',
    async (setting) => {
      expect(await apiKeysWith({ key: KEY, tenant: 'demo' }, setting)).toBe(setting);
    },
  );
});
