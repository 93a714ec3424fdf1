/** Where a local nats-server listens, and keeps what it keeps. */
export interface ServerPlace {
  port: number;
  webSocketPort: number;
  storeDir: string;
  /** Where it tells its ports once it listens: see `waitUntilReady`. */
  portsDir: string;
}

/** A configuration of one's own, instead of that of {@link renderConfig}. */
export interface ServerConfig {
  /** Must put `ports_file_dir` where the place says, and listen there on 127.0.0.1 alone. */
  text: string;
  /** What the text refers to as `$NAME`. */
  environment?: Readonly<Record<string, string>>;
}

/** What a local nats-server is told. */
export interface ServerSettings extends ServerPlace {
  /** More lines for the `jetstream` block, for example `sync_interval: always` (2.10 and newer). */
  jetStreamConfig?: string | undefined;
  /** More top-level configuration, for example accounts. */
  extraConfig?: string | undefined;
}

/**
 * The configuration file of a local server. Only fields that 2.9 knows: a server refuses the whole file for
 * one it does not. Listens on 127.0.0.1 alone, without the monitoring port.
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
