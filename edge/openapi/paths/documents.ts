import type { ZodOpenApiContentObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { type Answer, media, operation } from '../operation.ts';
import { IfNoneMatch } from '../parameters.ts';

export const documentPaths = {
  '/': {
    get: operation({
      operationId: 'getRoot',
      tag: 'Documents',
      summary: 'Go to the web page',
      answers: { 302: { description: 'The page is at `/docs`.', headers: ['Location'] } },
    }),
  },
  '/openapi.json': {
    get: operation({
      operationId: 'getOpenApi',
      tag: 'Documents',
      summary: 'Read this document',
      parameters: [IfNoneMatch],
      answers: documentAnswers({ 'application/json': media({ type: 'object' }) }),
    }),
  },
  '/docs': {
    get: operation({
      operationId: 'getDocs',
      tag: 'Documents',
      summary: 'Read this document as a web page',
      parameters: [IfNoneMatch],
      answers: documentAnswers({ 'text/html': media({ type: 'string' }) }),
    }),
  },
} satisfies ZodOpenApiPathsObject;

function documentAnswers(content: ZodOpenApiContentObject): Record<number, Answer> {
  return {
    200: { description: 'The document.', headers: ['ETag'], content },
    304: { description: 'The document has not changed.', headers: ['ETag'] },
  };
}
