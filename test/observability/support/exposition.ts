/** One series of an exposition, with the value that it had. */
export interface Series {
  /** The name with its labels, as Prometheus writes them. */
  readonly series: string;
  readonly value: number;
}

/** Reads Prometheus' text format, and adds what Prometheus adds. */
export function seriesOf(text: string, job: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value = ''] = /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    if (name === '') return [];
    const all = [labels, `instance="${job}-1"`, `job="${job}"`].filter((part) => part !== '');
    return [{ series: `${name}{${all.join(',')}}`, value: Number(value) }];
  });
}

/** Whether a series only grows. */
export function isCumulative({ series }: Series): boolean {
  return /^[a-z0-9_]+_(?:total|bucket|sum|count)\{/.test(series);
}
