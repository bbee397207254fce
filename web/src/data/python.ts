/** Python that asks the server for what a figure shows. */

/** A text or a list of texts as Python spells it. */
export function literal(value: string | number | boolean | null | string[]): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value);
}

/** The lines that every script begins with; `table` is then the table. */
export function preamble(server: string, datasetId: string, tableName: string): string {
  return [
    'import cytosol',
    '',
    '# a token: in the page under Tokens',
    `client = cytosol.Client(${literal(server)}, token="...")`,
    `table = client.dataset(${literal(datasetId)}).table(${literal(tableName)})`,
    '',
  ].join('\n');
}
