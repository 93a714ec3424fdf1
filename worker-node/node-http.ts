/**
 * Node's own HTTP. An `import` of `node:http` asks it for all that it exports, its WebSocket too: Node then loads all of undici,
 * which takes a sixteenth of the start of a worker.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
