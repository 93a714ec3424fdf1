import { onTestFinished } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { setUpBroker } from '../../worker-node/broker/setup.ts';
import { startTestNats } from '../support/nats/nats.ts';

/** Starts a NATS with our streams, for one test. @returns the environment of a program that uses it, and its URL */
export async function natsEnvironment(): Promise<NodeJS.ProcessEnv & { readonly NATS_URL: string }> {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const environment = { ...hostEnvironment(), NATS_URL: nats.url };
  await setUpBroker({ environment, check: false, replicas: undefined });
  return environment;
}
