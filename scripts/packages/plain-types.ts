import path from 'node:path';
import { parseSync } from 'oxc-parser';
import {
  API,
  type Checker,
  type Project,
  type Snapshot,
  type Symbol as TypeSymbol,
} from 'typescript/unstable/sync';
import { printType } from './print-type.ts';

const ZOD = /\bz\./;

/** A statement with the comment before it. */
interface Kept {
  readonly comment: string;
  readonly source: string;
}

/** Writes the types that zod infers as plain types. */
export class PlainTypes {
  readonly #api = new API();
  readonly #snapshot: Snapshot;
  readonly #project: Project;
  readonly #sources: string;

  /**
   * @param config the path of the tsconfig.json that the sources are compiled with
   * @param sources the folder of the sources
   */
  constructor(config: string, sources: string) {
    this.#sources = path.resolve(sources);
    this.#snapshot = this.#api.updateSnapshot({ openProjects: [path.resolve(config)] });
    const project = this.#snapshot.getProjects()[0];
    if (project === undefined) throw new Error(`TypeScript cannot open ${config}`);
    this.#project = project;
  }

  close(): void {
    this.#snapshot.dispose();
    this.#api.close();
  }

  /**
   * Replaces what a declaration file takes from zod: types become plain ones, and schemas go.
   * @param file its path below `dist`
   * @returns its new text; the same text if it takes nothing from zod
   */
  replaceIn(file: string, text: string): string {
    const { program } = parseSync(file, text);
    if (!/\bfrom ["']zod["']/.test(text)) return text;
    const exported = this.#typesOf(file);
    const schemaComments = new Map<string, string>();
    const kept = program.body.flatMap((node): Kept[] => {
      const source = text.slice(node.start, node.end);
      const comment = commentOf(text, node);
      if (!ZOD.test(source)) return [{ comment, source }];
      const schema = /\bconst (\w+)/.exec(source)?.[1];
      if (schema !== undefined) schemaComments.set(schema, comment);
      const name = /^(?:export )?(?:declare )?(?:type|interface) (\w+)/.exec(source)?.[1];
      if (name === undefined) return [];
      const type = exported.get(name);
      if (type === undefined)
        throw new Error(`${file}: ${name} is not exported, so nothing can name its type`);
      // What a type is stands with its schema.
      return [
        { comment: comment || (schemaComments.get(name) ?? ''), source: `export type ${name} = ${type};` },
      ];
    });
    return `${withoutUnusedImports(kept)
      .map(({ comment, source }) => comment + source)
      .join('\n')}\n`;
  }

  /** The types that a source file exports, as plain text. */
  #typesOf(file: string): ReadonlyMap<string, string> {
    const { checker, program } = this.#project;
    const source = program.getSourceFile(path.join(this.#sources, file.replace(/\.d\.ts$/, '.ts')));
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`TypeScript does not know ${file}`);
    return new Map(
      checker.getExportsOfModule(module).map((symbol) => [symbol.name, plainType(checker, symbol)]),
    );
  }
}

function plainType(checker: Checker, symbol: TypeSymbol): string {
  return printType(checker, checker.getDeclaredTypeOfSymbol(symbol));
}

/** The comment right before a statement that documents it. */
function commentOf(text: string, { start }: { readonly start: number }): string {
  const [comment = ''] = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(0, start)) ?? [];
  return comment;
}

/** Leaves out the imports whose names nothing uses any more. */
function withoutUnusedImports(statements: readonly Kept[]): Kept[] {
  const isImport = ({ source }: Kept): boolean => source.startsWith('import ');
  const rest = statements
    .filter((statement) => !isImport(statement))
    .map(({ source }) => source)
    .join('\n');
  const isUsed = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(rest);
  return statements.filter((statement) => !isImport(statement) || namesIn(statement.source).some(isUsed));
}

function namesIn(statement: string): string[] {
  const [clause = ''] = statement.split(' from ');
  return clause.match(/\w+/g)?.filter((word) => !['import', 'type', 'as'].includes(word)) ?? [];
}
