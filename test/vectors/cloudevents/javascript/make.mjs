/** Prints what the CloudEvents SDK of JavaScript writes, and what it reads from our messages. */
import { readFile } from 'node:fs/promises';
import { CloudEvent, HTTP } from 'cloudevents';

const read = async (name) => JSON.parse(await readFile(new URL(`../${name}`, import.meta.url), 'utf8'));

const texts = (values) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );

const written = (await read('events.json')).flatMap(({ what, attributes, data }) =>
  ['binary', 'structured'].map((mode) => {
    const { headers, body } = HTTP[mode](new CloudEvent({ ...attributes, data }));
    return { what, mode, headers: texts(headers), body };
  }),
);

const readings = (await read('ours.json')).map(({ what, headers, body }) => {
  const { data, time, ...attributes } = HTTP.toEvent({ headers, body });
  return { what, attributes: texts({ ...attributes, time: new Date(time).toISOString() }), data };
});

const { version } = JSON.parse(
  await readFile(new URL('node_modules/cloudevents/package.json', import.meta.url), 'utf8'),
);
process.stdout.write(JSON.stringify({ sdk: 'cloudevents (JavaScript)', version, written, read: readings }));
