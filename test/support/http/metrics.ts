/** What an edge or a worker shows at `/metrics`. @param url of the edge, or of the worker's health server */
export async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/**
 * The value of the series of a metric that has all of these labels, such as `reason="rejected"`.
 * @throws Error if there is no such series
 */
export async function metricOf(url: string, name: string, ...labels: readonly string[]): Promise<number> {
  const series = (await metricsOf(url))
    .split('\n')
    .find((line) => /^[a-z0-9_]+/i.exec(line)?.[0] === name && labels.every((label) => line.includes(label)));
  if (series === undefined) throw new Error(`no series of ${name} has ${labels.join(' and ') || 'a value'}`);
  return Number(series.split(' ').at(-1));
}
