import {
  type Checker,
  NodeBuilderFlags,
  SymbolFlags,
  type Type,
  TypeFlags,
  type Symbol as TypeSymbol,
} from 'typescript/unstable/sync';

/** A name within a namespace is written with the namespace, which is what the file has imported. Nothing is cut short. */
const NAMES =
  NodeBuilderFlags.UseFullyQualifiedType |
  NodeBuilderFlags.UseAliasDefinedOutsideCurrentScope |
  NodeBuilderFlags.AllowUniqueESSymbolType |
  NodeBuilderFlags.NoTruncation;
/** How deep an object may lie in others. A type that is part of itself would never end. */
const MAX_DEPTH = 12;

/**
 * Writes a type out with all its fields and their comments, without the name of any other type.
 * @throws Error when it is too deep
 */
export function printType(checker: Checker, type: Type, depth = 0): string {
  if (depth > MAX_DEPTH) throw new Error(`the type ${checker.typeToString(type)} is too deep`);
  const print = (inner: Type): string => printType(checker, inner, depth + 1);
  if (type.isUnionType()) return printUnion(checker, type.getTypes() ?? [], print);
  if (checker.isArrayType(type) && type.isTypeReference()) return printArray(checker, type, print);
  if (!type.isObjectType() || isFunction(checker, type)) return checker.typeToString(type, undefined, NAMES);
  const fields = checker.getPropertiesOfType(type).map((field) => printField(checker, field, print));
  const indexes = checker
    .getIndexInfosOfType(type)
    .map(({ keyType, valueType }) => `[key: ${checker.typeToString(keyType)}]: ${print(valueType)};`);
  const lines = [...indexes, ...fields].join('\n').replace(/^/gm, '    ');
  return lines.trim() === '' ? '{}' : `{\n${lines}\n}`;
}

function printUnion(checker: Checker, types: readonly Type[], print: (type: Type) => string): string {
  const isBoolean = (type: Type): boolean => (type.flags & TypeFlags.BooleanLiteral) !== 0;
  const hasBoth = types.filter(isBoolean).length === 2;
  const texts = types
    .filter((type) => !(hasBoth && isBoolean(type)))
    .map((type) => (isFunction(checker, type) ? `(${print(type)})` : print(type)));
  const isUndefined = (text: string): boolean => text === 'undefined';
  return [
    ...texts.filter((text) => !isUndefined(text)),
    ...(hasBoth ? [checker.typeToString(checker.getBooleanType())] : []),
    ...texts.filter(isUndefined),
  ].join(' | ');
}

function printArray(checker: Checker, type: Type, print: (type: Type) => string): string {
  const [item] = type.isTypeReference() ? checker.getTypeArguments(type) : [];
  if (item === undefined) return checker.typeToString(type, undefined, NAMES);
  const text = print(item);
  const isOne = /^[\w.]+$/.test(text) || (item.isObjectType() && !isFunction(checker, item));
  return isOne ? `${text}[]` : `(${text})[]`;
}

function isFunction(checker: Checker, type: Type): boolean {
  return checker.getSignaturesOfType(type, 0).length > 0;
}

function printField(checker: Checker, field: TypeSymbol, print: (type: Type) => string): string {
  const type = checker.getTypeOfSymbol(field);
  if (type === undefined) throw new Error(`${field.name} has no type`);
  const isOptional = (field.flags & SymbolFlags.Optional) !== 0;
  const name = /^[A-Za-z_$][\w$]*$/.test(field.name) ? field.name : JSON.stringify(field.name);
  return `${docsOf(checker, field)}${name}${isOptional ? '?' : ''}: ${print(type)};`;
}

function docsOf(checker: Checker, field: TypeSymbol): string {
  const docs = field.getDocumentationComment(checker).trim();
  return docs === '' ? '' : `/** ${docs.replaceAll('\n', '\n * ')} */\n`;
}
