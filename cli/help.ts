/** A command's examples, as the end of its `--help`. */
export function examples(...rows: readonly (readonly [command: string, what: string])[]): string {
  const lines = rows.flatMap(([command, what]) => [`  # ${what}`, `  ${command}`]);
  return ['', 'Examples:', ...lines].join('\n');
}
