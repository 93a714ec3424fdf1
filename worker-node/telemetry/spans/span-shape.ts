import type { Attributes, AttributeValue, SpanKind } from '@opentelemetry/api';

/** What all spans of one kind have in common. Make one for all of them: what is written of it is remembered. */
export class SpanShape {
  readonly name: string;
  readonly kind: SpanKind;
  /** The attributes with the same values in each span. */
  readonly attributes: Attributes;

  constructor({
    name,
    kind,
    attributes,
  }: {
    readonly name: string;
    readonly kind: SpanKind;
    readonly attributes: Attributes;
  }) {
    this.name = name;
    this.kind = kind;
    this.attributes = attributes;
  }

  /** All attributes of one span. @param own names and values in turns, of attributes that the shape does not have */
  attributesWith(own: readonly AttributeValue[]): Attributes {
    const attributes: Attributes = { ...this.attributes };
    for (let at = 0; at < own.length; at += 2) attributes[own[at] as string] = own[at + 1];
    return attributes;
  }
}

/** How many shapes one {@link Shapes} remembers. Subjects may hold words that nobody has chosen. */
const MAX_SHAPES = 256;

/** The shapes of one kind of spans, by a word that differs, for one server. */
export class Shapes {
  readonly #make: (word: string, server: string | undefined) => SpanShape;
  readonly #byWord = new Map<string, SpanShape>();
  #server: string | undefined;

  /** @param make makes a shape. It depends on nothing else */
  constructor(make: (word: string, server: string | undefined) => SpanShape) {
    this.#make = make;
  }

  /** @param server the server of NATS, as a URL. A host has one at a time */
  of(word: string, server: string | undefined): SpanShape {
    if (server !== this.#server || this.#byWord.size >= MAX_SHAPES) {
      this.#byWord.clear();
      this.#server = server;
    }
    const known = this.#byWord.get(word);
    if (known !== undefined) return known;
    const made = this.#make(word, server);
    this.#byWord.set(word, made);
    return made;
  }
}
