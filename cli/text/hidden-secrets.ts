/** What may be secret in a text that a user typed, each with the part that is kept. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // The user and the password of a URL. A password may hold any character.
  [/:\/\/[^\s'"]*@/g, '://…@'],
  [/\b(tl_[A-Za-z0-9]+_)[\w-]+/g, '$1…'],
  [/\bwhsec_[A-Za-z0-9+/=]+/g, 'whsec_…'],
  // A JWT: each begins with `{"`.
  [/\beyJ[\w-]*\.[\w-]+\.[\w-]*/g, 'eyJ…'],
];

/** Takes passwords in URLs, API keys, tokens and callback secrets out of a sentence that repeats what a user typed. */
export function withoutSecrets(sentence: string): string {
  return SECRETS.reduce((text, [secret, kept]) => text.replace(secret, kept), sentence);
}
