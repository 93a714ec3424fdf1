import { ThroughlineError, type Violation } from '../../shared/errors.ts';

/** The error `input-invalid` for an input that the schema of its operation refuses. */
export function inputInvalid(operation: string, violations: readonly Violation[]): ThroughlineError {
  const sentences = violations.map(({ path, message }) => `${path || 'the input'} ${message}`);
  const text = `the input does not fit the schema of ${operation}: ${sentences.join('; ')}`;
  return new ThroughlineError('input-invalid', text, { violations });
}
