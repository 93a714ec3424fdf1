import { styleText } from 'node:util';
import { printableJson } from '../../shared/text/json/printable-json.ts';

/** The part of process.stdout and process.stderr that is used. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Whether nobody reads it any more. */
  readonly isClosed?: boolean;
}

/** Colours text, or leaves it as it is. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** @param color whether the text goes to a terminal that may be coloured */
export function createPaint(color: boolean): Paint {
  const style =
    (format: keyof Paint) =>
    (text: string): string =>
      color ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: style('bold'),
    dim: style('dim'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    cyan: style('cyan'),
  };
}

/** A value as JSON that is safe to print. */
export function jsonText(value: unknown, indent = 0): string {
  return printableJson(JSON.stringify(value, undefined, indent) ?? 'null');
}
