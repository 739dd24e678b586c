import { request } from 'undici';

/** One scrape of the admin listener, as name with labels -> value. */
export async function scrape(adminUrl: string): Promise<ReadonlyMap<string, number>> {
  const { body } = await request(`${adminUrl}/metrics`);
  const lines = (await body.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

/** The sum over every series of a metric whose labels contain all of `labels`, for example `operation="query"`. */
export function sumOf(series: ReadonlyMap<string, number>, metric: string, ...labels: readonly string[]): number {
  let sum = 0;
  for (const [name, value] of series) {
    const fits = name === metric || (name.startsWith(`${metric}{`) && labels.every((label) => name.includes(label)));
    if (fits) sum += value;
  }
  return sum;
}
