import type { Answer, Content, RouteDescription } from '../openapi/route-description.ts';

/** The routes of `documents.ts`. */
export const documentDescriptions: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    tag: 'Documents',
    summary: 'This document',
    parameters: ['IfNoneMatch'],
    answers: documentAnswers({ 'application/json': { schema: { type: 'object' } } }),
  },
  {
    method: 'get',
    path: '/docs',
    operationId: 'getDocs',
    tag: 'Documents',
    summary: 'This document as a page for people',
    parameters: ['IfNoneMatch'],
    answers: documentAnswers({ 'text/html': { schema: { type: 'string' } } }),
  },
];

function documentAnswers(content: Readonly<Record<string, Content>>): Record<number, Answer> {
  return {
    200: { description: 'The document.', headers: ['ETag'], content },
    304: { description: 'It has not changed.', headers: ['ETag'] },
  };
}
