import * as z from 'zod';

/**
 * The schema of `OTEL_RESOURCE_ATTRIBUTES`: pairs `name=value` with commas between them, percent-encoded. The whole list is
 * refused if one member is wrong (specification, "Specifying resource information via an environment variable"). An empty
 * member, as after a comma at the end, is no fault, as in OpenTelemetry's SDKs.
 */
export const resourceAttributes = z
  .string('must be text')
  .refine((text) => membersOf(text).every(isPair), 'must be a comma list of name=value, percent-encoded')
  .default('')
  .transform((text): Readonly<Record<string, string>> => Object.fromEntries(membersOf(text).map(pairOf)));

function membersOf(text: string): string[] {
  return text.split(',').filter((member) => member.trim() !== '');
}

function isPair(member: string): boolean {
  return /^[^=]*[^=\s][^=]*=[^=]*$/.test(member) && isDecodable(member);
}

function pairOf(member: string): [name: string, value: string] {
  const [name = '', value = ''] = member.split('=');
  return [decodeURIComponent(name.trim()), decodeURIComponent(value.trim())];
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
