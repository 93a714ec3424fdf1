/** docs/SETTINGS.md, made from the schemas that parse the settings. */
import { CLI_SETTINGS, TERMINAL_SETTINGS } from '../../cli/config.ts';
import { EDGE_SETTINGS } from '../../edge/config.ts';
import { BATCH_DEFAULTS } from '../../edge/telemetry/settings.ts';
import { otelVariables } from '../../shared/trace/settings/otel-settings.ts';
import { SUITE_SETTINGS } from '../../test/support/suite-settings.ts';
import { WORKER_SETTINGS } from '../../worker-node/config.ts';
import { NODE_OTEL_SETTINGS } from '../../worker-node/telemetry/sdk-settings.ts';
import { CLI_GROUPS } from './cli.ts';
import { EDGE_GROUPS } from './edge.ts';
import { EDGE_OTEL_GROUP, NODE_OTEL_GROUP, OTEL_GROUP } from './otel.ts';
import { type SettingGroup, type SettingSchemas, settingRow } from './setting.ts';
import { SUITE_GROUPS } from './suites.ts';
import { WORKER_GROUPS } from './worker.ts';

/** A section of the page: the settings of one program. */
interface SettingSection {
  readonly title: string;
  readonly intro: string;
  readonly schemas: SettingSchemas;
  readonly groups: readonly SettingGroup[];
}

export const SECTIONS: readonly SettingSection[] = [
  {
    title: 'The edge',
    intro:
      'The bindings of the Worker: variables in `wrangler.toml`, and secrets from `npx wrangler secret put`. What is JSON may also be a list or an object among the variables.',
    schemas: EDGE_SETTINGS,
    groups: EDGE_GROUPS,
  },
  {
    title: 'The worker',
    intro: 'Environment variables of `throughline worker`. `throughline setup` reads those about NATS.',
    schemas: WORKER_SETTINGS,
    groups: WORKER_GROUPS,
  },
  {
    title: 'The command line',
    intro: 'Environment variables of all commands that call the API. An option wins over its variable.',
    schemas: { ...CLI_SETTINGS, ...TERMINAL_SETTINGS },
    groups: CLI_GROUPS,
  },
  {
    title: 'OpenTelemetry',
    intro: `The edge, the worker and the command line read OpenTelemetry's own variables by OpenTelemetry's rules. A value that is not valid is ignored, and the log says so. An endpoint
turns tracing on; without one every tracer is a no-op. The trace ids still travel with the job and stand in the logs.`,
    schemas: otelVariables(BATCH_DEFAULTS),
    groups: [OTEL_GROUP, EDGE_OTEL_GROUP],
  },
  {
    title: "OpenTelemetry's SDK for Node",
    intro: `The worker and the command line also read what OpenTelemetry's SDK for Node reads: resource attributes, limits, certificates. Spans always leave as JSON, and the propagators are always
\`tracecontext,baggage\`. The worker loads OpenTelemetry's auto-instrumentation: calls that an operation makes over HTTP, to PostgreSQL, Redis and others become child spans.
If \`OTEL_NODE_ENABLED_INSTRUMENTATIONS\` names some, such as \`http,undici,pg\`, it loads only these, and starts with a seventh less processor time.`,
    schemas: NODE_OTEL_SETTINGS,
    groups: [NODE_OTEL_GROUP],
  },
  {
    title: 'The test suites',
    intro:
      'Environment variables of the [test suites](CONTRIBUTING.md#suites). [CHAOS.md](CHAOS.md) explains the scenarios.',
    schemas: SUITE_SETTINGS,
    groups: SUITE_GROUPS,
  },
];

const INTRO = `# Settings

\`npm run settings\` writes this page from the schemas that parse the settings. A test holds the page against them.

A bad setting ends the program at its start, with a sentence that names the setting and hides its value. At the edge, every request then gets a 500 with that sentence. An empty text means that the setting is not set.
A setting whose name nobody reads changes nothing: the log names it (\`setting ignored\`), with the name that was probably meant. The edge looks at all of its bindings, the others at names that begin like ours or are nearly one of ours.
\`throughline dev\` starts edge and workers without the environment of your shell: its options \`--edge KEY=VALUE\` and \`--worker KEY=VALUE\` give them settings.
`;

/** The whole page, as Markdown. */
export function settingsPage(): string {
  return [INTRO, ...SECTIONS.map(sectionText)].join('\n');
}

function sectionText({ title, intro, schemas, groups }: SettingSection): string {
  return [`## ${title}\n\n${intro}\n`, ...groups.map((group) => groupText(group, schemas))].join('\n');
}

function groupText({ title, texts }: SettingGroup, schemas: SettingSchemas): string {
  const rows = Object.entries(texts).map(([name, text]) => {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`there is a text about ${name}, and nothing reads ${name}`);
    return settingRow(name, schema, text);
  });
  return `### ${title}\n\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}
