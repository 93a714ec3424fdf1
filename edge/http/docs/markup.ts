import { html } from 'hono/html';

/** HTML with its values escaped, as `hono/html` makes it. */
export type Html = ReturnType<typeof html>;

/** One paragraph of a description. Text in backticks becomes code. */
export function inline(text: string): Html {
  const parts = text.split('`').map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`));
  return html`${parts}`;
}

/** A description. An empty line in it starts a new paragraph. */
export function prose(text: string): Html {
  return html`${text.split('\n\n').map((paragraph) => html`<p>${inline(paragraph)}</p>\n`)}`;
}

/** A list in one line, with `separator` between its parts. */
export function joined(parts: readonly unknown[], separator: string): Html {
  return html`${parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))}`;
}

/** A table that scrolls sideways if it does not fit. */
export function table(rows: readonly Html[]): Html {
  return html`<div class="scroll" tabindex="0"><table>${rows}</table></div>`;
}
