/** Findings about the copies that a stream has in its cluster, or cannot have on one server. */
import type { Finding } from './finding.ts';

/** The part of JetStream's answer about a stream that says where its copies are. */
interface StreamPlaces {
  readonly config: { readonly name: string; readonly num_replicas: number };
  /** On one server it is missing, or has no name. */
  readonly cluster?: {
    readonly name?: string;
    readonly replicas?: readonly { readonly offline?: boolean }[];
  };
}

/**
 * What is wrong with the copies of a stream. nats-server lets one server set more than one copy, but does not load such a
 * stream when it starts again (tried with 2.14.5).
 */
export function copyFindings({ config, cluster }: StreamPlaces): Finding[] {
  const of = `stream ${config.name}`;
  const { num_replicas: copies } = config;
  if (cluster?.name === undefined) {
    if (copies <= 1) return [];
    const why = 'after a restart a single server does not load it, and its messages are not there any more';
    return [{ of, setting: 'num_replicas', actual: copies, wanted: '1', why, level: 'breaks', fix: 'setup' }];
  }
  const away = cluster.replicas?.filter(({ offline }) => offline === true).length ?? 0;
  if (away === 0) return [];
  const why = 'the servers of the other copies are offline, so these copies do not protect its messages';
  const [actual, wanted] = [copies - away, String(copies)];
  return [
    { of, setting: 'copies on servers that are up', actual, wanted, why, level: 'weakens', fix: 'server' },
  ];
}
