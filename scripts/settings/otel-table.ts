import { OTEL_ROWS, type Support } from '../../shared/trace/settings/otel-support.ts';

/** More names than these stand as patterns. */
const MANY = 12;

/** The table of OpenTelemetry's variables in docs/TELEMETRY.md. */
export function otelTable(): string {
  const rows = OTEL_ROWS.map(({ names, edge, worker }) => [shownNames(names), shown(edge), shown(worker)]);
  return [['variable', 'edge', 'worker'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function shown({ isHonoured, note }: Support): string {
  return [isHonoured ? 'yes' : 'no', ...(note === '' ? [] : [note])].join(': ');
}

/** A long list is shown by the first words of its names. */
function shownNames(names: readonly string[]): string {
  if (names.length <= MANY) return names.map((name) => `\`${name}\``).join(', ');
  const families = new Set(
    names.map((name) => name.replace(/^(OTEL_(?:EXPORTER_(?:OTLP_)?)?[A-Z]+).*$/, '$1_…')),
  );
  return `all others: ${[...families].map((family) => `\`${family}\``).join(', ')}`;
}
