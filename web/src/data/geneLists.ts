/** Lists of genes as people paste them, and what of them a table holds. */

/** Names of a pasted text: separated by line breaks, commas, semicolons, tabs or blanks; each once, in order. */
export function parseGeneList(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).map((name) => name.replace(/^["']|["']$/g, '')).filter(Boolean))];
}

export interface GeneIndex {
  /** Symbol by symbol, stable id (with or without its version) and either in lower case. */
  find: (name: string) => string | null;
  n: number;
}

const withoutVersion = (id: string) => id.replace(/\.\d+$/, '');

/** The genes of a table by symbol and id; the exact spelling wins over another case. */
export function geneIndex(symbols: string[], ids: string[]): GeneIndex {
  const exact = new Map<string, string>();
  const loose = new Map<string, string>();
  symbols.forEach((symbol, i) => {
    if (!exact.has(symbol)) exact.set(symbol, symbol);
    const id = withoutVersion(ids[i] ?? '');
    if (id && !exact.has(id)) exact.set(id, symbol);
    for (const name of [symbol, id]) if (name && !loose.has(name.toLowerCase())) loose.set(name.toLowerCase(), symbol);
  });
  return { n: symbols.length, find: (name) => exact.get(name) ?? exact.get(withoutVersion(name)) ?? loose.get(withoutVersion(name).toLowerCase()) ?? null };
}

export interface ResolvedGenes {
  /** Symbols of the table, each once, in the order of the list. */
  found: string[];
  missing: string[];
}

/** `aliases`: symbols by alias, of those that the table does not know by themselves. */
export function resolveGenes(names: string[], index: GeneIndex, aliases: ReadonlyMap<string, string> = new Map()): ResolvedGenes {
  const found: string[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const symbol = index.find(name) ?? index.find(aliases.get(name) ?? '');
    if (symbol) found.push(symbol);
    else missing.push(name);
  }
  return { found: [...new Set(found)], missing };
}
