/** The program that `workerd-spans.ts` runs in workerd: each request makes spans, and sends them to a collector. */
import { edgeProcessing } from './edge-processing.ts';
import { makeSpans, type Processing } from './make-spans.ts';

let processing: Processing | undefined;

export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    processing ??= await edgeProcessing(searchParams.get('collector') ?? '');
    await makeSpans(processing, Number(searchParams.get('spans')));
    return new Response('made');
  },
};
