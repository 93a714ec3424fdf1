/** The types of an operation, as its callers see them. They exist at compile time only. */

/** What an operation takes and gives: what its schema accepts, and the JSON of what it returns. */
export interface OperationTypes<Input = unknown, Result = unknown> {
  readonly input: Input;
  readonly result: Result;
}

/** An operation as `defineOperation` of `throughline/worker` gives it. `~types` is never set: only its type is of use. */
export interface TypedOperation<Input = unknown, Result = unknown, Name extends string = string> {
  readonly name: Name;
  readonly run: unknown;
  readonly '~types'?: OperationTypes<Input, Result>;
}

/** The types of an operation, from `typeof` an operation or from {@link OperationTypes}; `unknown` for anything else. */
export type TypesOf<Operation> = Operation extends { readonly run: unknown; readonly '~types'?: infer Types }
  ? Extract<Types, OperationTypes>
  : Operation extends OperationTypes
    ? Operation
    : OperationTypes;

/** What an operation takes. */
export type InputOf<Operation> = TypesOf<Operation>['input'];
/** What an operation gives. */
export type ResultOf<Operation> = TypesOf<Operation>['result'];

/** The JSON of a value: a Date is a text, an absent value is null, and what JSON cannot hold is `never`. */
export type Json<Value> = unknown extends Value
  ? unknown
  : Value extends { toJSON(...args: never[]): infer Written }
    ? Json<Written>
    : Value extends string | number | boolean | null
      ? Value
      : // biome-ignore lint/suspicious/noConfusingVoidType: an operation that returns nothing returns void
        Value extends undefined | void
        ? null
        : Value extends readonly unknown[]
          ? { [Index in keyof Value]: Json<Value[Index]> }
          : Value extends bigint | symbol | Unwritable
            ? never
            : JsonObject<Value>;

/** The worker refuses a result that holds one of these. */
type Unwritable =
  | ((...args: never[]) => unknown)
  | Iterable<unknown>
  | AsyncIterable<unknown>
  | Error
  | Promise<unknown>;

/** A property that may be undefined may be absent. */
type JsonObject<Value> = Flat<
  { [Key in Texts<Value> as undefined extends Value[Key] ? never : Key]: Json<Value[Key]> } & {
    [Key in Texts<Value> as undefined extends Value[Key] ? Key : never]?: Json<
      Exclude<Value[Key], undefined>
    >;
  }
>;

type Texts<Value> = Exclude<keyof Value, symbol>;
type Flat<Value> = { [Key in keyof Value]: Value[Key] };
