/** Where a local nats-server listens and stores its data. */
export interface ServerPlace {
  port: number;
  webSocketPort: number;
  storeDir: string;
  /** The server writes a file with its ports here when it listens: see `waitUntilReady`. */
  portsDir: string;
}

/** A whole configuration, used instead of the one from {@link renderConfig}. */
export interface ServerConfig {
  /** Must set `ports_file_dir` to the folder of the place, and listen there on 127.0.0.1 only. */
  text: string;
  /** Variables that the text uses as `$NAME`. */
  environment?: Readonly<Record<string, string>>;
}

interface ServerSettings extends ServerPlace {
  /** More lines for the `jetstream` block, for example `sync_interval: always` (2.10 and newer). */
  jetStreamConfig?: string | undefined;
  /** More top-level configuration, for example accounts. */
  extraConfig?: string | undefined;
}

/**
 * Writes the configuration of a local server. It listens on 127.0.0.1 only, without the monitoring port. It has only
 * fields that 2.9 knows: a server refuses the whole file when it does not know one field.
 */
export function renderConfig(settings: ServerSettings): string {
  const { port, webSocketPort, storeDir, portsDir, jetStreamConfig = '', extraConfig = '' } = settings;
  return `host: "127.0.0.1"
port: ${port}
ports_file_dir: ${JSON.stringify(portsDir)}
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  ${jetStreamConfig}
}
websocket {
  host: "127.0.0.1"
  port: ${webSocketPort}
  no_tls: true
}
${extraConfig}
`;
}
