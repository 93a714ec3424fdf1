/** Decodes a percent-encoded text. One that is not valid stands for itself: somebody forgot to encode it. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
