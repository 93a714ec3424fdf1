import { html, raw } from 'hono/html';
import { ERRORS } from '../../../shared/error-table.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { type Html, inline, prose, table } from './markup.ts';
import { errorCodesOf, type OpenApiDocument, type Tag } from './openapi-document.ts';
import { operationCard, type PlacedOperation, traceParameters } from './operation-card.ts';
import { PAGE_STYLE } from './page-style.ts';
import { schemaCard } from './schema-text.ts';

interface Group {
  readonly tag: Tag;
  readonly operations: readonly PlacedOperation[];
}

/** Renders the OpenAPI document as one page for people. The page has no script and loads nothing from another host. */
export async function openApiPage(document: OpenApiDocument): Promise<string> {
  const { info } = document;
  const groups = groupsOf(document);
  const page = await html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${info.title} HTTP API</title>
${styleElement()}
<a class="skip" href="#main">Skip to the content</a>
<div class="layout">
<nav aria-label="Contents">
${groups.map(linkList)}<h2>Reference</h2>
<ul><li><a href="#errors">Error codes</a></li><li><a href="#schemas">Schemas</a></li></ul>
</nav>
${main(document, groups)}
</div>
</html>`;
  return String(page);
}

function main({ info, components }: OpenApiDocument, groups: readonly Group[]): Html {
  return html`<main id="main">
<h1>${info.title} HTTP API</h1>
<p class="dim">${info.summary} Version ${info.version}, as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
${prose(info.description)}<h4>Headers that every request to /v1 may have</h4>
${traceParameters(components)}${groups.map(
  ({ tag, operations }) => html`
<h2>${tag.name}</h2>
<p>${inline(tag.description)}</p>
${operations.map((operation) => operationCard(operation, components))}`,
)}
<h2 id="errors">Error codes</h2>
${errorTable(components)}
<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => schemaCard(name, schema))}</main>`;
}

/** Groups the operations by tag, in the order of the tags. */
function groupsOf({ tags, paths }: OpenApiDocument): readonly Group[] {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  return tags.map((tag) => ({
    tag,
    operations: all.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
}

/** Makes the style element. Its text is not escaped: the page's Content-Security-Policy allows exactly this text. */
function styleElement(): Html {
  return html`<style>${raw(PAGE_STYLE)}</style>`;
}

function linkList({ tag, operations }: Group): Html {
  const items = operations.map(
    ({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>\n`,
  );
  return html`<h2>${tag.name}</h2>
<ul>
${items}</ul>
`;
}

/**
 * Makes a table of all error codes, in the order of their HTTP statuses. The meaning of a code is one paragraph of the
 * description of an answer with that code.
 */
function errorTable({ responses }: OpenApiDocument['components']): Html {
  const meanings = new Map(
    Object.values(responses).flatMap((answer) => {
      const paragraphs = answer.description.split('\n\n');
      return errorCodesOf(answer).map((code, index) => [code, paragraphs[index] ?? ''] as const);
    }),
  );
  const rows = [...meanings]
    .sort(([a], [b]) => statusOf(a) - statusOf(b) || (a < b ? -1 : 1))
    .map(
      ([code, meaning]) =>
        html`<tr id="${code}"><th scope="row">${statusOf(code)}</th><td>${inline(meaning)}</td></tr>\n`,
    );
  return table(rows);
}

function statusOf(code: string): number {
  return ERRORS[code as ErrorCode].status;
}
