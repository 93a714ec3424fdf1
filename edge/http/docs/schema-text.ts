import { html } from 'hono/html';
import { code, type Html, inline, joined, table } from './markup.ts';
import { type ByName, referredName, type Schema } from './openapi-document.ts';

/** Describes a schema in a few words, with links to the components that the schema names. */
export function schemaText(schema: Schema): Html {
  const name = referredName(schema.$ref);
  if (name !== undefined) return html`<a href="#${name}">${name}</a>`;
  if (Array.isArray(schema.oneOf)) return joined(schema.oneOf.map(schemaText), ' or ');
  if (Array.isArray(schema.enum)) return joined(schema.enum.map(code), ', ');
  if ('const' in schema) return code(JSON.stringify(schema.const));
  if (schema.type === 'array') return html`list of ${schemaText((schema.items ?? {}) as Schema)}`;
  if (schema.type === 'object') return objectText(schema);
  return html`${schema.format ?? schema.type ?? 'any value'}${bounds(schema)}`;
}

/** Shows a component, with one row for each of its fields. */
export function schemaCard(name: string, schema: Schema): Html {
  const required = (schema.required ?? []) as readonly string[];
  const rows = propertiesOf(schema).map(([field, { description, ...value }]) => {
    const optional = required.includes(field) ? '' : ' (optional)';
    return html`<tr><th scope="row">${code(field)}</th><td>${inline(String(description ?? ''))} <span class="dim">${schemaText(value)}${optional}</span></td></tr>\n`;
  });
  const shape = rows.length === 0 ? html`<p class="dim">${schemaText(schema)}</p>` : table(rows);
  return html`<article id="${name}"><h3>${name}</h3>\n<p>${inline(String(schema.description))}</p>\n${shape}</article>\n`;
}

function objectText(schema: Schema): Html {
  const fields = propertiesOf(schema).map(([name, value]) => html`${code(name)}: ${schemaText(value)}`);
  return fields.length === 0 ? html`object` : html`{ ${joined(fields, ', ')} }`;
}

function propertiesOf({ properties }: Schema): [string, Schema][] {
  return Object.entries((properties ?? {}) as ByName<Schema>);
}

function bounds({ minimum, maximum, minLength, maxLength, minItems, maxItems }: Schema): string {
  const [low, high] = [minimum ?? minLength ?? minItems, maximum ?? maxLength ?? maxItems];
  if (low === undefined && high === undefined) return '';
  if (low === undefined) return `, at most ${high}`;
  return high === undefined ? `, at least ${low}` : `, ${low} to ${high}`;
}
