import type { ErrorCode } from '../../../shared/errors.ts';
import { ERRORS } from '../../../shared/errors.ts';
import type { OpenApiDocument } from './document.ts';
import { Html, html, inline, prose } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { Json } from './route-description.ts';
import { refName, schemaText } from './schema-text.ts';
import { TRACE_PARAMETERS } from './trace-parameters.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly value: Json;
}

type Named = Readonly<Record<string, Json>>;

/** The document as one page for people: no script, nothing from another host. */
export function openApiPage(document: OpenApiDocument): string {
  const page = new Page(document);
  return page.render().text;
}

class Page {
  readonly #document: OpenApiDocument;
  readonly #operations: readonly Operation[];

  constructor(document: OpenApiDocument) {
    this.#document = document;
    this.#operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, value]) => ({ method, path, value })),
    );
  }

  render(): Html {
    const { title, summary, description, version } = this.#document.info as Record<string, string>;
    return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} HTTP API</title>
${styleElement()}
<a class="skip" href="#main">Skip to the content</a>
<div class="layout">
<nav aria-label="Contents">
${this.#contents()}</nav>
<main id="main">
<h1>${title} HTTP API</h1>
<p class="dim">${summary} Version ${version}, as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
${prose(description ?? '')}<h4>Headers that every request to /v1 may have</h4>
${parameterTable(TRACE_PARAMETERS.map((name) => this.#components('parameters')[name] ?? {}))}${this.#tags().map((tag) => this.#group(tag))}
<h2 id="errors">Error codes</h2>
${this.#errors()}
<h2 id="schemas">Schemas</h2>
${Object.entries(this.#components('schemas')).map(([name, schema]) => schemaCard(name, schema))}</main>
</div>
</html>`;
  }

  /** Each code, with the paragraph that the document's answers have for it. */
  #errors(): Html {
    const meanings = new Map(
      Object.values(this.#components('responses')).flatMap(({ content, description }) => {
        const paragraphs = String(description).split('\n\n');
        return codesOf(content as Named).map((code, index) => [code, paragraphs[index] ?? ''] as const);
      }),
    );
    const rows = [...meanings]
      .sort(byStatus)
      .map(
        ([code, meaning]) =>
          html`<tr id="${code}"><th scope="row">${statusOf(code)}</th><td>${inline(meaning)}</td></tr>\n`,
      );
    return html`<div class="scroll" tabindex="0"><table>${rows}</table></div>`;
  }

  #tags(): readonly Json[] {
    return this.#document.tags as readonly Json[];
  }

  #components(kind: string): Named {
    return ((this.#document.components as Json)[kind] ?? {}) as Named;
  }

  /** What a reference points at; anything else is itself. */
  #resolve(value: Json): Json {
    const [, , kind = '', name = ''] = typeof value.$ref === 'string' ? value.$ref.split('/') : [];
    return this.#components(kind)[name] ?? value;
  }

  #ofTag(tag: Json): readonly Operation[] {
    return this.#operations.filter(({ value }) => (value.tags as string[]).includes(String(tag.name)));
  }

  #contents(): Html {
    const groups = this.#tags().map(
      (tag) => html`<h2>${String(tag.name)}</h2>
<ul>
${this.#ofTag(tag).map(({ value }) => html`<li><a href="#${String(value.operationId)}">${String(value.summary)}</a></li>\n`)}</ul>
`,
    );
    return html`${groups}<h2>Reference</h2>
<ul><li><a href="#errors">Error codes</a></li><li><a href="#schemas">Schemas</a></li></ul>
`;
  }

  #group(tag: Json): Html {
    return html`
<h2>${String(tag.name)}</h2>
<p>${inline(String(tag.description))}</p>
${this.#ofTag(tag).map((operation) => this.#operation(operation))}`;
  }

  #operation({ method, path, value }: Operation): Html {
    const id = String(value.operationId);
    const [requirement] = value.security as readonly Record<string, string[]>[];
    const scope = requirement?.bearer?.[0];
    return html`<article id="${id}" aria-labelledby="${id}-name">
<h3 id="${id}-name"><span class="method ${method}">${method.toUpperCase()}</span> <code class="path">${path}</code></h3>
<p><strong>${String(value.summary)}.</strong> ${scope === undefined ? html`Open to all.` : html`Needs the scope <code>${scope}</code>.`}</p>
${value.description === undefined ? undefined : prose(String(value.description))}${this.#parameters(value)}${this.#body(value)}${this.#answers(value)}</article>
`;
  }

  #parameters({ parameters = [] }: Json): Html | undefined {
    const own = (parameters as Json[]).filter(({ $ref }) => !isTraceParameter($ref));
    return own.length === 0
      ? undefined
      : html`<h4>Parameters</h4>\n${parameterTable(own.map((parameter) => this.#resolve(parameter)))}`;
  }

  #body({ requestBody }: Json): Html | undefined {
    if (requestBody === undefined) return undefined;
    const content = (requestBody as Json).content as Named;
    return html`<h4>Body</h4>\n${Object.entries(content).map(([type, media]) => mediaText(type, media))}`;
  }

  #answers({ responses }: Json): Html {
    const problems: Html[] = [];
    const rows = Object.entries(responses as Named).flatMap(([status, response]) => {
      const { content = {}, description, headers = {} } = this.#resolve(response) as Record<string, Named>;
      const codes = codesOf(content);
      problems.push(...codes.map((code) => html`<a href="#${code}">${code}</a> `));
      if (codes.length > 0) return [];
      const bodies = Object.entries(content).map(([type, media]) => mediaText(type, media));
      return html`<tr><th scope="row">${status}</th><td>${inline(String(description))}${headerText(headers)}${bodies}</td></tr>\n`;
    });
    return html`<h4>Answers</h4>\n<div class="scroll" tabindex="0"><table>${rows}</table></div>\n<h4>Errors</h4>\n<p class="codes">${problems}</p>\n`;
  }
}

function isTraceParameter(reference: unknown): boolean {
  return TRACE_PARAMETERS.some((name) => name === refName(reference));
}

function parameterTable(parameters: readonly Json[]): Html {
  const rows = parameters.map(
    ({ name, in: place, schema, description }) =>
      html`<tr><th scope="row"><code>${String(name)}</code></th><td class="dim">${String(place)}</td><td>${inline(String(description))} <span class="dim">${schemaText(schema as Json)}</span></td></tr>\n`,
  );
  return html`<div class="scroll" tabindex="0"><table>${rows}</table></div>\n`;
}

/** The style stands in the page as it is: its hash is in the policy. */
function styleElement(): Html {
  return new Html(`<style>${PAGE_STYLE}</style>`);
}

/** The error codes of an answer; none where it is no problem document. */
function codesOf(content: Named): readonly string[] {
  const schema = content['application/problem+json']?.schema as Json | undefined;
  const properties = schema?.properties as Record<string, { enum: string[] }> | undefined;
  return properties?.code?.enum ?? [];
}

function statusOf(code: string): number {
  return ERRORS[code as ErrorCode].status;
}

function byStatus([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return statusOf(a) - statusOf(b) || (a < b ? -1 : 1);
}

function headerText(headers: Named): Html | undefined {
  // `traceresponse` and the quota are on every answer.
  const names = Object.keys(headers).filter((name) => !['traceresponse', 'RateLimit-Policy'].includes(name));
  if (names.length === 0) return undefined;
  return html` <span class="dim">Headers: ${names.map((name, index) => html`${index === 0 ? '' : ', '}<code>${name}</code>`)}.</span>`;
}

function mediaText(type: string, { schema, examples = {}, ...more }: Json): Html {
  const event = more['x-event-data'] as Json | undefined;
  const shown =
    event === undefined ? schemaText(schema as Json) : html`each <code>data:</code> a ${schemaText(event)}`;
  const texts = Object.entries(examples as Record<string, { value: unknown }>).map(
    ([name, { value }]) =>
      html`<details><summary>Example: ${name}</summary>\n<pre tabindex="0">${exampleText(value)}</pre></details>\n`,
  );
  return html`\n<div><code>${type}</code>: ${shown}</div>\n${texts}`;
}

function exampleText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}

function schemaCard(name: string, schema: Json): Html {
  const properties = Object.entries((schema.properties ?? {}) as Named);
  const required = (schema.required ?? []) as readonly string[];
  const rows = properties.map(([field, { description, ...value }]) => {
    const optional = required.includes(field) ? '' : ' (optional)';
    return html`<tr><th scope="row"><code>${field}</code></th><td>${inline(String(description ?? ''))} <span class="dim">${schemaText(value)}${optional}</span></td></tr>\n`;
  });
  const shape =
    properties.length === 0
      ? html`<p class="dim">${schemaText(schema)}</p>`
      : html`<div class="scroll" tabindex="0"><table>${rows}</table></div>`;
  return html`<article id="${name}"><h3>${name}</h3>\n<p>${inline(String(schema.description))}</p>\n${shape}</article>\n`;
}
