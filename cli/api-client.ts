import { ThroughlineClient } from '../client/client.ts';
import type { NoAnswerError } from '../client/errors.ts';
import type { ClientOptions } from '../client/options.ts';
import manifest from '../package.json' with { type: 'json' };
import { CliError } from './cli-error.ts';
import { explainFailure } from './http/fetch-failure.ts';

const NO_API_HINT =
  '`throughline dev` starts an API on this machine; --url or THROUGHLINE_URL chooses another';

/** The API's client. If no answer comes, its errors tell the user what to do. */
export class ApiClient extends ThroughlineClient {
  constructor(options: Pick<ClientOptions, 'url' | 'apiKey' | 'signal'>) {
    const headers = { 'user-agent': `throughline-cli/${manifest.version}` };
    super({ ...options, headers, explain: explainFailure });
  }

  protected override surface(error: NoAnswerError): Error {
    const { code, message, cause } = error;
    switch (code) {
      case 'unreachable':
        return new CliError('api-unreachable', message, { cause, hint: NO_API_HINT });
      case 'timeout':
        return new CliError('api-unreachable', message, { cause });
      case 'answer-invalid':
        return new CliError('answer-invalid', message, {
          cause,
          hint: 'is this the address of a Throughline API?',
        });
      case 'no-stream':
        return error;
    }
  }
}
