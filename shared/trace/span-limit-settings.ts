import { optionalWhole } from './otel-words.ts';

/** The default of OpenTelemetry's specification for every count. */
const COUNT = 128;

const limit = optionalWhole(1, 1_000_000);

/** The schemas of the variables that limit spans (specification, "Attribute limits", "Span limits"), by their names. */
export const spanLimitVariables = {
  OTEL_ATTRIBUTE_COUNT_LIMIT: limit,
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: limit,
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: limit,
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: limit,
  OTEL_SPAN_EVENT_COUNT_LIMIT: limit,
  OTEL_SPAN_LINK_COUNT_LIMIT: limit,
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: limit,
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: limit,
};

type LimitSettings = Readonly<Partial<Record<keyof typeof spanLimitVariables, number | undefined>>>;

/**
 * What OpenTelemetry's SDK limits in a span, as it names it. A limit for spans wins over the same one for everything; beyond a
 * limit, attributes, events and links are dropped, and texts are cut.
 */
export function spanLimits(settings: LimitSettings) {
  const { OTEL_ATTRIBUTE_COUNT_LIMIT: count, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: length } = settings;
  return {
    attributeCountLimit: settings.OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT ?? count ?? COUNT,
    attributeValueLengthLimit:
      settings.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT ?? length ?? Number.POSITIVE_INFINITY,
    eventCountLimit: settings.OTEL_SPAN_EVENT_COUNT_LIMIT ?? COUNT,
    linkCountLimit: settings.OTEL_SPAN_LINK_COUNT_LIMIT ?? COUNT,
    attributePerEventCountLimit: settings.OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT ?? count ?? COUNT,
    attributePerLinkCountLimit: settings.OTEL_LINK_ATTRIBUTE_COUNT_LIMIT ?? count ?? COUNT,
  };
}
