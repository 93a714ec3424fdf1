import { describe, expect, it } from 'vitest';
import { cliConfig, terminalConfig } from '../../../cli/config.ts';

describe('the settings', () => {
  it('have a default address, and nothing else', () => {
    expect(cliConfig({}, {})).toEqual({
      url: 'http://127.0.0.1:8787',
      apiKey: undefined,
      tracesUrl: undefined,
      tracesHeaders: {},
      logsUrl: undefined,
      logsHeaders: {},
    });
  });

  it('ignore an empty variable', () => {
    const empty = { THROUGHLINE_URL: '', THROUGHLINE_API_KEY: '', THROUGHLINE_TRACES_URL: '' };
    expect(cliConfig(empty, {})).toEqual(cliConfig({}, {}));
  });

  it('prefer an option to its variable, even if the variable is not valid', () => {
    const environment = { THROUGHLINE_URL: 'nonsense', THROUGHLINE_API_KEY: 'tl_a_b' };
    expect(cliConfig(environment, { url: 'https://api.test' })).toMatchObject({
      url: 'https://api.test',
      apiKey: 'tl_a_b',
    });
  });

  it('keep the path of an address, without its last slash', () => {
    expect(cliConfig({}, { url: 'https://api.test/jobs//' }).url).toBe('https://api.test/jobs');
  });

  it.each([
    [{ THROUGHLINE_URL: 'api.test' }, 'THROUGHLINE_URL'],
    [{ THROUGHLINE_URL: 'ftp://api.test' }, 'THROUGHLINE_URL'],
    [{ THROUGHLINE_URL: 'https://user:hidden@api.test' }, 'THROUGHLINE_URL'],
    [{ THROUGHLINE_URL: 'https://api.test?key=hidden' }, 'THROUGHLINE_URL'],
    [{ THROUGHLINE_API_KEY: 'hidden\n' }, 'THROUGHLINE_API_KEY'],
    [{ THROUGHLINE_API_KEY: 'hidden ä' }, 'THROUGHLINE_API_KEY'],
    [{ THROUGHLINE_TRACES_URL: 'hidden' }, 'THROUGHLINE_TRACES_URL'],
  ])('are named when they are wrong, but their value is not shown: %o', (environment, name) => {
    const refusal = (): unknown => cliConfig(environment, {});
    expect(refusal).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    expect(refusal).toThrow(name);
    expect(refusal).not.toThrow('hidden');
  });
});

describe('the terminal', () => {
  it.each([
    [{}, false],
    [{ NO_COLOR: '' }, false],
    [{ NO_COLOR: '1' }, true],
    [{ NO_COLOR: '0' }, true],
  ])('has no colour when NO_COLOR is set and not empty: %o', (environment, noColor) => {
    expect(terminalConfig(environment).noColor).toBe(noColor);
  });
});

describe('the editor', () => {
  it.each([
    [{}, 'vi'],
    [{ VISUAL: '', EDITOR: 'nano' }, 'nano'],
    [{ VISUAL: 'code --wait', EDITOR: 'nano' }, 'code --wait'],
  ])('is VISUAL, else EDITOR, else vi: %o', (environment, editor) => {
    expect(terminalConfig(environment).editor).toBe(editor);
  });
});
