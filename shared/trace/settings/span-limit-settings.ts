import type * as z from 'zod';
import { optionalWhole, wholeNumber } from '../../config.ts';

/** The default of OpenTelemetry's specification for every count. */
const COUNT = 128;

const MAX = 1_000_000;
const limit = optionalWhole(1, MAX);
const count = wholeNumber(1, MAX, COUNT);

/** The schemas of the variables that limit spans (specification, "Attribute limits", "Span limits"), by their names. */
export const spanLimitVariables = {
  OTEL_ATTRIBUTE_COUNT_LIMIT: count,
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: limit,
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: limit,
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: limit,
  OTEL_SPAN_EVENT_COUNT_LIMIT: count,
  OTEL_SPAN_LINK_COUNT_LIMIT: count,
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: limit,
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: limit,
};

type LimitSettings = z.output<z.ZodObject<typeof spanLimitVariables>>;

/**
 * What OpenTelemetry's SDK limits in a span, as it names it. A limit for spans wins over the same one for everything; beyond a
 * limit, attributes, events and links are dropped, and texts are cut.
 */
export function spanLimits(settings: LimitSettings) {
  const { OTEL_ATTRIBUTE_COUNT_LIMIT: all, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: length } = settings;
  return {
    attributeCountLimit: settings.OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT ?? all,
    attributeValueLengthLimit:
      settings.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT ?? length ?? Number.POSITIVE_INFINITY,
    eventCountLimit: settings.OTEL_SPAN_EVENT_COUNT_LIMIT,
    linkCountLimit: settings.OTEL_SPAN_LINK_COUNT_LIMIT,
    attributePerEventCountLimit: settings.OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT ?? all,
    attributePerLinkCountLimit: settings.OTEL_LINK_ATTRIBUTE_COUNT_LIMIT ?? all,
  };
}
