/**
 * The part of `@nats-io/nats-core` that the Worker uses. wrangler.toml puts this module in the place of the package: its
 * index is CommonJS, so the bundler would take all that it names, such as the benchmarks. The bundle is 4 KiB smaller.
 */
export {
  jwtAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '../../../node_modules/@nats-io/nats-core/lib/authenticator.js';
export { createInbox } from '../../../node_modules/@nats-io/nats-core/lib/core.js';
export {
  AuthorizationError,
  ClosedConnectionError,
  InvalidArgumentError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '../../../node_modules/@nats-io/nats-core/lib/errors.js';
export { headers, MsgHdrsImpl } from '../../../node_modules/@nats-io/nats-core/lib/headers.js';
export { nuid } from '../../../node_modules/@nats-io/nats-core/lib/nuid.js';
export { RequestOne } from '../../../node_modules/@nats-io/nats-core/lib/request.js';
export { wsconnect } from '../../../node_modules/@nats-io/nats-core/lib/ws_transport.js';
