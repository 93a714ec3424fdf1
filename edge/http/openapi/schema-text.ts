import { type Html, html } from './html.ts';
import type { Json } from './route-description.ts';

/** A schema in a few words, with links to the components that it names. */
export function schemaText(schema: Json): Html {
  const name = refName(schema.$ref);
  if (name !== undefined) return html`<a href="#${name}">${name}</a>`;
  if (Array.isArray(schema.anyOf) && schema.type === undefined) return either(schema.anyOf);
  if (Array.isArray(schema.enum)) return html`${valueList(schema.enum)}`;
  if ('const' in schema) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.type === 'array') return html`list of ${schemaText((schema.items ?? {}) as Json)}`;
  if (schema.type === 'object') return objectText(schema);
  return html`${[String(schema.format ?? schema.type ?? 'any value'), bounds(schema)].join('')}`;
}

/** The name of the component that a reference points at. */
export function refName(reference: unknown): string | undefined {
  return typeof reference === 'string' ? reference.split('/').at(-1) : undefined;
}

function either(schemas: readonly Json[]): Html {
  return html`${schemas.map((schema, index) => html`${index === 0 ? '' : ' or '}${schemaText(schema)}`)}`;
}

function valueList(values: readonly unknown[]): Html[] {
  return values.map((value, index) => html`${index === 0 ? '' : ', '}<code>${String(value)}</code>`);
}

function objectText({ properties }: Json): Html {
  const entries = Object.entries((properties ?? {}) as Record<string, Json>);
  if (entries.length === 0) return html`object`;
  const fields = entries.map(
    ([name, schema], index) => html`${index === 0 ? '' : ', '}<code>${name}</code>: ${schemaText(schema)}`,
  );
  return html`{ ${fields} }`;
}

function bounds({ minimum, maximum, minLength, maxLength, minItems, maxItems }: Json): string {
  const [low, high] = [minimum ?? minLength ?? minItems, maximum ?? maxLength ?? maxItems];
  if (low === undefined && high === undefined) return '';
  if (low === undefined) return `, at most ${high}`;
  return high === undefined ? `, at least ${low}` : `, ${low} to ${high}`;
}
