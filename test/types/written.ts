import { expectTypeOf } from 'vitest';
import type * as z from 'zod';
import type { InputOf, ResultOf, ThroughlineClient } from '../../client/index.ts';
import type { SCHEMAS } from './schemas.ts';
import type { Operations } from './written/operations.ts';

/** What `throughline types` wrote says the same as the schemas. A value of one type fits the other, in both directions. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Mail = (typeof SCHEMAS)['mail.send'];
type Tree = (typeof SCHEMAS)['tree.count'];
type All = (typeof SCHEMAS)['type.all'];

type MailInput = InputOf<Operations['mail.send']>;
/** zod lets an optional field be undefined too, which JSON cannot say. */
type Needed = 'to' | 'parts';
expectTypeOf<MailInput>().toExtend<z.input<Mail['input']>>();
expectTypeOf<Same<keyof MailInput, keyof z.input<Mail['input']>>>().toEqualTypeOf<true>();
expectTypeOf<Same<Pick<MailInput, Needed>, Pick<z.input<Mail['input']>, Needed>>>().toEqualTypeOf<true>();
expectTypeOf<Same<ResultOf<Operations['mail.send']>, z.output<Mail['output']>>>().toEqualTypeOf<true>();
expectTypeOf<Same<InputOf<Operations['tree.count']>, z.input<Tree['input']>>>().toEqualTypeOf<true>();
expectTypeOf<Same<ResultOf<Operations['tree.count']>, number>>().toEqualTypeOf<true>();
expectTypeOf<Same<InputOf<Operations['type.all']>, z.input<All['input']>>>().toEqualTypeOf<true>();
expectTypeOf<Same<ResultOf<Operations['type.all']>, z.output<All['output']>>>().toEqualTypeOf<true>();
expectTypeOf<InputOf<Operations['anything']>>().toBeUnknown();
expectTypeOf<ResultOf<Operations['anything']>>().toBeUnknown();

declare const client: ThroughlineClient<Operations>;

export async function byWritten(): Promise<void> {
  const { job } = await client.submit('mail.send', { to: ['ada@example.com'], parts: { text: 'hello' } });
  expectTypeOf(job.result).toEqualTypeOf<z.output<Mail['output']> | undefined>();
  // @ts-expect-error Nobody gets it.
  await client.submit('mail.send', { parts: { text: 'hello' } });
  // @ts-expect-error No operation has this name.
  await client.submit('mail.sent', { to: [], parts: { text: 'hello' } });
}
