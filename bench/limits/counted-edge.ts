/**
 * Our Worker, which counts what Cloudflare takes money for: calls of Durable Objects, alarms, messages that come over a WebSocket, and
 * rows of SQLite. `GET /counts` answers with the counts of all objects. In workerd they run in one isolate.
 */
import worker, * as edge from '../../edge/main.ts';

const counts = new Map<string, number>();
const cursors: { readonly rowsRead: number; readonly rowsWritten: number }[] = [];

function add(name: string, count = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

type ObjectClass = new (state: DurableObjectState, env: never) => object;

/** Counts the calls of each method of a Durable Object. workerd finds methods on the prototype. */
function countCalls(name: string, of: ObjectClass): void {
  for (const [method, { value }] of Object.entries(Object.getOwnPropertyDescriptors(of.prototype))) {
    if (method === 'constructor' || typeof value !== 'function') continue;
    const counted = function (this: unknown, ...args: unknown[]): unknown {
      add(method === 'alarm' ? 'alarms' : `calls of ${name}`);
      return value.apply(this, args);
    };
    Object.defineProperty(of.prototype, method, { value: counted, configurable: true, writable: true });
  }
}

/** Calls `tell` with the result of each call of a method of the platform. */
function onCall<Target extends object>(target: Target, method: string, tell: (result: never) => void): void {
  const holder = Object.getPrototypeOf(target);
  const original = holder[method];
  if (original.isCounted === true) return;
  const counted = function (this: unknown, ...args: unknown[]): unknown {
    const result = original.apply(this, args);
    tell(result as never);
    return result;
  };
  holder[method] = Object.assign(counted, { isCounted: true });
}

function counted<Class extends ObjectClass>(name: string, of: Class): Class {
  countCalls(name, of);
  return new Proxy(of, {
    construct(target, [state, env], made) {
      const { storage } = state as DurableObjectState;
      onCall(storage.sql, 'exec', (cursor) => cursors.push(cursor));
      // Cloudflare counts it as a row.
      onCall(storage, 'setAlarm', () => add('rows written'));
      return Reflect.construct(target, [state, env], made);
    },
  });
}

const { WebSocket: PlatformWebSocket } = globalThis;
globalThis.WebSocket = class extends PlatformWebSocket {
  constructor(...args: ConstructorParameters<typeof PlatformWebSocket>) {
    super(...args);
    this.addEventListener('message', () => add('WebSocket messages'));
  }
} as typeof PlatformWebSocket;

export const Bridge = counted('Bridge', edge.Bridge);
export const JobIndex = counted('JobIndex', edge.JobIndex);
export const Schedules = counted('Schedules', edge.Schedules);

export default {
  fetch: (request: Request, env: never, ctx: never) => {
    if (new URL(request.url).pathname !== '/counts') return worker.fetch(request as never, env, ctx);
    for (const { rowsRead, rowsWritten } of cursors.splice(0)) {
      add('rows read', rowsRead);
      add('rows written', rowsWritten);
    }
    return Response.json(Object.fromEntries(counts));
  },
};
