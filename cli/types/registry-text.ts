import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import { comment, SchemaType } from './json-schema-type.ts';

const HEAD = `// Written by \`throughline types\`. Do not change it: run the command again.

`;

/**
 * The TypeScript of a registry for the client: the input and the result of each operation, in the order of their names.
 * The same operations give the same text.
 */
export function registryText(operations: readonly ListedOperation[]): string {
  const sorted = [...operations].sort((a, b) => (a.name < b.name ? -1 : 1));
  const declarations: string[] = [];
  const taken = new Set<string>();
  const typeOf = (schema: ListedOperation['inputSchema'], prefix: string): string => {
    const type = new SchemaType(schema, prefix, taken);
    const { text } = type;
    declarations.push(...type.declarations);
    return text.replaceAll('\n', '\n  ');
  };
  const entries = sorted.map((operation) => {
    const { name, inputSchema, outputSchema = true } = operation;
    const prefix = pascalCase(name);
    const input = typeOf(inputSchema, `${prefix}Input`);
    const result = typeOf(outputSchema, `${prefix}Result`);
    const types = `    readonly input: ${input};\n    readonly result: ${result};\n`;
    return `${comment(operation, '  ')}  readonly ${JSON.stringify(name)}: {\n${types}  };\n`;
  });
  const interfaceText = `/** The operations that the workers have announced: \`new ThroughlineClient<Operations>(…)\`. */
export interface Operations {\n${entries.join('')}}\n`;
  return [HEAD, interfaceText, ...declarations.map((declaration) => `\n${declaration}`)].join('');
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|[^a-z0-9]+)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
