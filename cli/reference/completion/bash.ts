import type { CommandPage } from '../command-page.ts';
import { choices, valueOptions, wordsOf } from './words.ts';

/** A script that completes the words after `throughline` in bash 4 and newer. */
export function bashCompletion(pages: readonly CommandPage[]): string {
  const rows = wordsOf(pages).map(({ path, commands, options }) => {
    const words = [...commands.map(({ name }) => name), ...options.map(({ long }) => long)];
    return `    "${path}") commands="${commands.map(({ name }) => name).join(' ')}"; words="${words.join(' ')}" ;;`;
  });
  const values = choices(pages).map(({ place, words }) => `    "${place}") words="${words.join(' ')}" ;;`);
  return `# Completion of throughline for bash: source <(throughline completion bash)
_throughline_words() {
  case "$1" in
${rows.join('\n')}
    *) commands=""; words="" ;;
  esac
}
_throughline() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" word commands words skip="" i
  # Readline cuts --option=value at the "=".
  if [[ $current == "=" ]]; then current=""; fi
  if [[ $previous == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  _throughline_words ""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $skip ]]; then skip=""; continue; fi
    case " ${valueOptions(pages).join(' ')} " in *" $word "*) skip=1; continue ;; esac
    case " $commands " in *" $word "*) path="\${path:+$path }$word"; _throughline_words "$path" ;; esac
  done
  case "$path $previous" in
${values.join('\n')}
    *) if [[ -n $skip ]]; then words=""; fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _throughline throughline
`;
}
