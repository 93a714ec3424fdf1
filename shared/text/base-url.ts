/**
 * Reads an address that paths are added to.
 * @param isApi whether it is that of the API, whose paths start with `/v1`
 * @returns the address without a slash at its end; or what is wrong with it, as the end of a sentence such as
 * `the address must be …`, which never shows the address, because it may hold a password
 */
export function parseBaseUrl(
  text: string,
  { isApi }: { readonly isApi: boolean },
): { readonly url: string } | { readonly fault: string } {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return { fault: 'must be a URL that starts with http:// or https://' };
  }
  // fetch refuses credentials in an address.
  if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) {
    return { fault: 'must be a URL without credentials, query and fragment' };
  }
  if (isApi && /\/v1(?:\/|$)/.test(url.pathname)) {
    return { fault: 'must be the part before /v1, because /v1 is added to it' };
  }
  return { url: url.href.replace(/\/+$/, '') };
}
