import { type ClientOptions, ThroughlineClient } from '../client/client.ts';
import type { NoAnswerError } from '../client/no-answer-error.ts';
import { CliError } from './cli-error.ts';
import { VERSION } from './version.ts';

const NO_API = '`throughline dev` starts one on this machine; --url or THROUGHLINE_URL says where another is';

/** The client, with errors that tell somebody at a terminal what to do. */
export class ApiClient extends ThroughlineClient {
  constructor(options: Pick<ClientOptions, 'url' | 'apiKey' | 'signal'>) {
    super({ ...options, headers: { 'user-agent': `throughline-cli/${VERSION}` } });
  }

  protected override surface(error: NoAnswerError): Error {
    const { code, message, cause } = error;
    switch (code) {
      case 'unreachable':
        return new CliError('api-unreachable', message, { cause, hint: NO_API });
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
