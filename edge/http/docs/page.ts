import { html, raw } from 'hono/html';
import { ERRORS, type ErrorCode } from '../../../shared/errors.ts';
import { type Html, inline, prose, table } from './markup.ts';
import { errorCodesOf, type OpenApiDocument, type Tag } from './openapi-document.ts';
import { operationCard, type PlacedOperation, traceParameters } from './operation-card.ts';
import { PAGE_STYLE } from './page-style.ts';
import { schemaCard } from './schema-text.ts';

/** The OpenAPI document as one page for people. It has no script and needs nothing from another host. */
export async function openApiPage({ info, tags, paths, components }: OpenApiDocument): Promise<string> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const groups = tags.map((tag) => ({ tag, members: membersOf(tag, operations) }));
  const page = await html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${info.title} HTTP API</title>
${styleElement()}
<a class="skip" href="#main">Skip to the content</a>
<div class="layout">
<nav aria-label="Contents">
${groups.map(({ tag, members }) => linkList(tag, members))}<h2>Reference</h2>
<ul><li><a href="#errors">Error codes</a></li><li><a href="#schemas">Schemas</a></li></ul>
</nav>
<main id="main">
<h1>${info.title} HTTP API</h1>
<p class="dim">${info.summary} Version ${info.version}, as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
${prose(info.description)}<h4>Headers that every request to /v1 may have</h4>
${traceParameters(components)}${groups.map(
  ({ tag, members }) => html`
<h2>${tag.name}</h2>
<p>${inline(tag.description)}</p>
${members.map((member) => operationCard(member, components))}`,
)}
<h2 id="errors">Error codes</h2>
${errorTable(components)}
<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => schemaCard(name, schema))}</main>
</div>
</html>`;
  return String(page);
}

function membersOf({ name }: Tag, operations: readonly PlacedOperation[]): readonly PlacedOperation[] {
  return operations.filter(({ operation }) => operation.tags.includes(name));
}

/** The style is not escaped: the page's policy allows exactly this text. */
function styleElement(): Html {
  return html`<style>${raw(PAGE_STYLE)}</style>`;
}

function linkList({ name }: Tag, members: readonly PlacedOperation[]): Html {
  const items = members.map(
    ({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>\n`,
  );
  return html`<h2>${name}</h2>
<ul>
${items}</ul>
`;
}

/** Each error code with its paragraph from the answers that have it, in the order of HTTP statuses. */
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
