import { html } from 'hono/html';

/** HTML whose inserted values are escaped, as `hono/html` makes it. */
export type Html = ReturnType<typeof html>;

/** Makes HTML that shows a value as code. */
export function code(value: unknown): Html {
  return html`<code>${String(value)}</code>`;
}

/** Makes HTML from one paragraph of a description. Text in backticks becomes code. */
export function inline(text: string): Html {
  const parts = text.split('`').map((part, index) => (index % 2 === 0 ? part : code(part)));
  return html`${parts}`;
}

/** Makes HTML from a description. An empty line in the description starts a new paragraph. */
export function prose(text: string): Html {
  return html`${text.split('\n\n').map((paragraph) => html`<p>${inline(paragraph)}</p>\n`)}`;
}

/** Joins parts in one line, with `separator` between them. */
export function joined(parts: readonly unknown[], separator: string): Html {
  return html`${parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))}`;
}

/** Makes a table that scrolls sideways if the table does not fit. */
export function table(rows: readonly Html[]): Html {
  return html`<div class="scroll" tabindex="0"><table>${rows}</table></div>`;
}
