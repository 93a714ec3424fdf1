import { type Column, figureText, type Row, type Spread, spreadOf, type Table } from './table.ts';

const WIDTH = 830;
const NAMES = 320;
const FIGURES = 110;
const BARS = WIDTH - NAMES - FIGURES - 20;
const LINE = 24;
const TOP = 52;
const COLOURS = { ours: '#2f6fde', limit: '#9aa4b2', peer: '#d98324' } as const;
const LEGEND = { ours: 'Throughline', limit: 'limit', peer: 'another project' } as const;
/** A background of its own: a page in the dark shows the picture too. */
const STYLE =
  'text{font:13px system-ui,sans-serif;fill:#1c2430}.title{font-weight:600;font-size:15px}.small{font-size:11px;fill:#5b6675}';

/** A bar for each row of the column that says most: the median, with a line from the least to the most. */
export function tableSvg({ title, columns, rows, picture }: Table): string {
  const column = columns.find(({ name }) => name === picture) ?? columns[0];
  if (column === undefined) return '';
  const spreads = rows.map((row) => spreadOf(row, column));
  const most = Math.max(...spreads.map((spread) => spread?.most ?? 0), Number.MIN_VALUE);
  const height = TOP + rows.length * LINE + 34;
  const bars = rows.map((row, n) => barOf(row, spreads[n], column, { most, y: TOP + n * LINE }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img">`,
    `<title>${escapeXml(title)}</title><style>${STYLE}</style><rect width="100%" height="100%" rx="6" fill="#fff"/>`,
    `<text class="title" x="12" y="24">${escapeXml(title)}</text>`,
    `<text class="small" x="12" y="42">${escapeXml(column.name)}, ${escapeXml(column.unit)}; median, least and most</text>`,
    ...bars,
    legend(rows, height - 12),
    '</svg>\n',
  ].join('\n');
}

function barOf(
  row: Row,
  spread: Spread | undefined,
  column: Column,
  at: { most: number; y: number },
): string {
  const middle = at.y + LINE / 2;
  const name = `<text x="${NAMES}" y="${middle + 4}" text-anchor="end">${escapeXml(row.name)}</text>`;
  if (spread === undefined)
    return `${name}<text class="small" x="${NAMES + 10}" y="${middle + 4}">not measured</text>`;
  const x = (value: number): string => (NAMES + 10 + (value / at.most) * BARS).toFixed(1);
  const width = ((spread.median / at.most) * BARS).toFixed(1);
  const range =
    row.rounds.length === 1
      ? ''
      : `<path d="M${x(spread.least)} ${middle}H${x(spread.most)}" stroke="#1c2430" stroke-width="1.5"/>`;
  return [
    name,
    `<rect x="${NAMES + 10}" y="${at.y + 4}" width="${width}" height="${LINE - 8}" rx="2" fill="${COLOURS[row.kind]}"/>`,
    range,
    `<text x="${Number(x(Math.max(spread.most, spread.median))) + 8}" y="${middle + 4}">${figureText(spread.median, column)}</text>`,
  ].join('');
}

function legend(rows: readonly Row[], y: number): string {
  const kinds = (['ours', 'limit', 'peer'] as const).filter((kind) => rows.some((row) => row.kind === kind));
  return kinds
    .map((kind, n) => {
      const x = NAMES + 10 + n * 130;
      return `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${COLOURS[kind]}"/><text class="small" x="${x + 16}" y="${y}">${LEGEND[kind]}</text>`;
    })
    .join('');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
