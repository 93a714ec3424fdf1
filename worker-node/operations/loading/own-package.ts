import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const OWN = /^throughline(?:\/|$)/;
const MISSING = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'];

/** The hook stays for the whole life of the process, because operations may import more later. So there is one. */
let isProvided = false;

/**
 * Lets every file that is loaded after this import `throughline/…`. A copy that Node finds from the file wins; where it finds
 * none, the file gets this copy. So operations may lie anywhere.
 */
export function provideOwnPackage(): void {
  if (isProvided) return;
  isProvided = true;
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (thrown) {
        const { code = '' } = (thrown ?? {}) as { readonly code?: string };
        const isOwn = OWN.test(specifier) && context.parentURL !== import.meta.url;
        if (!isOwn || !MISSING.includes(code)) throw thrown;
        return { url: ownUrl(specifier, context.parentURL), shortCircuit: true };
      }
    },
  });
}

/** @throws Error that names the file that imports it, if this copy has no such part */
function ownUrl(specifier: string, importer = ''): string {
  try {
    return import.meta.resolve(specifier);
  } catch {
    // Node's own error would name this file as the one that imports it.
    const file = importer.startsWith('file:') ? fileURLToPath(importer) : importer;
    throw new Error(
      `there is no "${specifier}": an operation imports throughline/worker, throughline/client or throughline/propagation; it is imported from ${file}`,
    );
  }
}
