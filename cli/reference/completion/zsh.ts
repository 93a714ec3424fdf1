import type { CommandPage } from '../command-page.ts';
import { choices, valueOptions, wordsOf } from './words.ts';

/** A script that completes the words after `throughline` in zsh. */
export function zshCompletion(pages: readonly CommandPage[]): string {
  const rows = wordsOf(pages).map(({ path, commands, options }) => {
    const named = commands.map(({ name, description }) => entry(name, description));
    const flags = options.map(({ long, description }) => entry(long, description));
    return `    '${path}') commands=(${commands.map(({ name }) => name).join(' ')}); entries=(${[...named, ...flags].join(' ')}) ;;`;
  });
  const values = choices(pages).map(({ place, words }) => `    '${place}') entries=(${words.join(' ')}) ;;`);
  return `#compdef throughline
# Completion of throughline for zsh: source <(throughline completion zsh)
_throughline_words() {
  case "$1" in
${rows.join('\n')}
    *) commands=(); entries=() ;;
  esac
}
_throughline() {
  local at="" word skip="" i
  local -a commands entries takers
  takers=(${valueOptions(pages).join(' ')})
  _throughline_words ""
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n $skip ]]; then skip=""; continue; fi
    if (( \${takers[(Ie)$word]} )); then skip=1; continue; fi
    if (( \${commands[(Ie)$word]} )); then at="\${at:+$at }$word"; _throughline_words "$at"; fi
  done
  case "$at \${words[CURRENT-1]}" in
${values.join('\n')}
    *) if [[ -n $skip ]]; then _files; return; fi ;;
  esac
  _describe 'throughline' entries
}
compdef _throughline throughline
`;
}

/** A word with its description, quoted. */
function entry(word: string, description: string): string {
  return `'${word}:${description.replaceAll("'", '’').replaceAll(':', '\\:')}'`;
}
