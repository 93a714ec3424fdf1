/** The parts of the OpenAPI document that the documentation page shows. */
export interface OpenApiDocument {
  readonly info: {
    readonly title: string;
    readonly summary: string;
    readonly description: string;
    readonly version: string;
  };
  readonly tags: readonly Tag[];
  /** The operations by path, then by HTTP method. */
  readonly paths: ByName<ByName<Operation>>;
  readonly components: {
    readonly schemas: ByName<Schema>;
    readonly responses: ByName<Answer>;
    readonly parameters: ByName<Parameter>;
  };
}

export type ByName<Value> = Readonly<Record<string, Value>>;

export interface Tag {
  readonly name: string;
  readonly description: string;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string | undefined;
  /** The scopes that the operation needs. An empty list means that anybody may call the operation. */
  readonly security: readonly { readonly bearer: readonly string[] }[];
  readonly parameters?: readonly (Parameter | Reference)[] | undefined;
  readonly requestBody?: { readonly content: ByName<Media> } | undefined;
  readonly responses: ByName<Answer | Reference>;
}

export interface Reference {
  readonly $ref: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description: string;
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly headers?: ByName<unknown> | undefined;
  readonly content?: ByName<Media> | undefined;
}

export interface Media {
  readonly schema: Schema;
  readonly examples?: ByName<{ readonly value: unknown }> | undefined;
  /** The schema of the `data:` lines of an event stream. */
  readonly 'x-event-data'?: Schema | undefined;
}

/** A JSON Schema. */
export type Schema = ByName<unknown>;

/** Returns the name of the component that a reference points at: `Job` for `#/components/schemas/Job`. */
export function referredName(reference: unknown): string | undefined {
  return typeof reference === 'string' ? reference.split('/').at(-1) : undefined;
}

/** Returns the component that `value` points at, or `value` itself if it is not a reference. */
export function resolve<Value extends object>(value: Value | Reference, components: ByName<Value>): Value {
  if (!('$ref' in value) || typeof value.$ref !== 'string') return value as Value;
  const component = components[referredName(value.$ref) ?? ''];
  if (component === undefined) throw new Error(`the OpenAPI document has no ${value.$ref}`);
  return component;
}

/** Returns the error codes of an answer; an empty list if the answer is not a problem document. */
export function errorCodesOf({ content = {} }: Answer): readonly string[] {
  const properties = content['application/problem+json']?.schema.properties;
  return (properties as { code: { enum: string[] } } | undefined)?.code.enum ?? [];
}
