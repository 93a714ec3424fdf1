/** Message attributes through the AWS SDK and a server that has the limits of Amazon SQS. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  type Carrier,
  extract,
  fromMessageAttributes,
  inject,
  withMessageAttributes,
} from '../../shared/propagation/index.ts';
import { needPrograms } from '../generators/toolbox.ts';
import { startSqs } from './support/brokers.ts';
import { installed } from './support/tools.ts';

const CARRIER: Carrier = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'b=1,a=2 c',
  baggage: 'k=%0D%0A,l=w',
};

type Attributes = Record<string, { DataType: string; StringValue: string }>;
interface Reply {
  readonly QueueUrl?: string;
  readonly Messages?: readonly { MessageAttributes?: Attributes }[];
}
type Command = new (input: object) => object;
interface Sqs {
  SQSClient: new (options: object) => { send(command: object): Promise<Reply>; destroy(): void };
  CreateQueueCommand: Command;
  SendMessageCommand: Command;
  ReceiveMessageCommand: Command;
}

const ownAttributes = (count: number): Attributes =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`own${i}`, { DataType: 'String', StringValue: 'x' }]),
  );

it('SQS carries all three fields, and as many as its ten attributes leave room for', async ({ skip }) => {
  await needPrograms({ needs: ['java', 'mvn'] }, skip);
  const sqs = createRequire(path.join(await installed('node'), 'x.js'))('@aws-sdk/client-sqs') as Sqs;
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  const client = new sqs.SQSClient({ endpoint: await startSqs(), region: 'us-east-1', credentials });
  const { QueueUrl } = await client.send(new sqs.CreateQueueCommand({ QueueName: 'orders' }));
  const send = (MessageAttributes: object) =>
    client.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes }));
  const arrived = async (count: number): Promise<Carrier> => {
    await send(withMessageAttributes(ownAttributes(count), CARRIER));
    const wanted = { QueueUrl, MessageAttributeNames: ['All'], WaitTimeSeconds: 10 };
    const { Messages } = await client.send(new sqs.ReceiveMessageCommand(wanted));
    return inject(extract(fromMessageAttributes(Messages?.[0]?.MessageAttributes)).context);
  };
  const { traceparent = '', tracestate = '' } = CARRIER;

  expect(await arrived(0)).toEqual(CARRIER);
  expect(await arrived(8)).toEqual({ traceparent, tracestate });
  expect(await arrived(9)).toEqual({ traceparent });
  // The limit is the server's.
  await expect(send(ownAttributes(11))).rejects.toThrow(/maximum \[10\]/);
  client.destroy();
});
