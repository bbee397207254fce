/** Populations as a tree, the gates that make them, and what a population depends on. */

export type TreeJson = { gate: string } | { column: string; groups: (string | number | boolean)[] } | { and: TreeJson[] } | { or: TreeJson[] } | { xor: TreeJson[] } | { not: TreeJson[] };

export interface Sector {
  gid: string;
  name: string;
}

/** What of a gate is needed here. */
export interface GateLike {
  id: string;
  version: number;
  gid: string;
  dataset_id: string | null;
  sectors: Sector[];
  x: string;
  y: string;
}

export interface PopulationLike {
  id: string;
  version: number;
  parent_id: string | null;
  name: string;
  tree: TreeJson;
  terminal_gid: string;
  position: number;
}

export interface TreeRow<P> {
  population: P;
  depth: number;
  /** Names of its ancestors and its own. */
  path: string[];
  hasChildren: boolean;
}

/** Populations parents first, as deep as they lie; one whose parent is gone stands at the top. */
export function treeRows<P extends PopulationLike>(populations: P[]): TreeRow<P>[] {
  const known = new Set(populations.map((p) => p.id));
  const children = new Map<string | null, P[]>();
  for (const p of [...populations].sort((a, b) => a.position - b.position || a.id.localeCompare(b.id))) {
    const parent = p.parent_id !== null && known.has(p.parent_id) ? p.parent_id : null;
    children.set(parent, [...(children.get(parent) ?? []), p]);
  }
  const rows: TreeRow<P>[] = [];
  const seen = new Set<string>();
  const walk = (parent: string | null, depth: number, path: string[]) => {
    for (const population of children.get(parent) ?? []) {
      if (seen.has(population.id)) continue;
      seen.add(population.id);
      const own = [...path, population.name];
      rows.push({ population, depth, path: own, hasChildren: children.has(population.id) });
      walk(population.id, depth + 1, own);
    }
  };
  walk(null, 0, []);
  return rows;
}

/** A population and those above it, the topmost first. */
export function lineage<P extends PopulationLike>(populations: P[], population: P | null): P[] {
  const out: P[] = [];
  for (let p = population; p; p = populations.find((other) => other.id === p?.parent_id) ?? null) out.unshift(p);
  return out;
}

/** A population and all below it. */
export function branchOf<P extends PopulationLike>(populations: P[], id: string): P[] {
  const rows = treeRows(populations);
  const at = rows.findIndex((row) => row.population.id === id);
  if (at < 0) return [];
  let end = at + 1;
  while (end < rows.length && rows[end].depth > rows[at].depth) end++;
  return rows.slice(at, end).map((row) => row.population);
}

/** The gids of gates and sectors, and the annotations, that a tree names. */
export function namedBy(tree: TreeJson): { gids: string[]; columns: string[] } {
  if ('gate' in tree) return { gids: [tree.gate], columns: [] };
  if ('column' in tree) return { gids: [], columns: [tree.column] };
  const parts = Object.values(tree as Record<string, TreeJson[]>)[0].map(namedBy);
  return { gids: parts.flatMap((p) => p.gids), columns: parts.flatMap((p) => p.columns) };
}

/** The gates that hold for one file: its own where it has one, else the gate of the study. */
export function gatesFor<G extends GateLike>(gates: G[], datasetId: string): G[] {
  const own = new Set(gates.filter((g) => g.dataset_id === datasetId).map((g) => g.gid));
  return gates.filter((g) => g.dataset_id === datasetId || (g.dataset_id === null && !own.has(g.gid)));
}

export const gateOfGid = <G extends GateLike>(gates: G[], gid: string): G | undefined =>
  gates.find((g) => g.gid === gid || g.sectors.some((s) => s.gid === gid));

/** Says which events a population has: equal texts, equal events (scales and data aside). */
export function fingerprint(population: PopulationLike | null, gates: GateLike[]): string {
  if (!population) return '';
  const { gids } = namedBy(population.tree);
  const versions = [...new Set(gids)].map((gid) => {
    const gate = gateOfGid(gates, gid);
    return gate ? `${gate.id}.${gate.version}` : `${gid}?`;
  });
  return `${JSON.stringify(population.tree)} ${versions.join(' ')}`;
}

/** The tree of what a gate (or sector) adds to a parent. */
export const treeBelow = (parent: PopulationLike | null, gid: string): TreeJson => {
  if (!parent) return { and: [{ gate: gid }] };
  return 'and' in parent.tree ? { and: [...parent.tree.and, { gate: gid }] } : { and: [parent.tree, { gate: gid }] };
};

/** Populations that a gate adds to a parent, sector by sector. */
export function madeBy<P extends PopulationLike>(gate: GateLike, populations: P[], parentId: string | null): (P | null)[] {
  const gids = gate.sectors.length ? gate.sectors.map((s) => s.gid) : [gate.gid];
  return gids.map((gid) => populations.find((p) => p.terminal_gid === gid && p.parent_id === parentId) ?? null);
}

/** Axes of the gates of a population's children, each pair once: what its plots show when nobody chose others. */
export function gatedAxes<P extends PopulationLike>(parentId: string | null, populations: P[], gates: GateLike[]): { x: string; y: string }[] {
  const seen = new Set<string>();
  const out: { x: string; y: string }[] = [];
  for (const { population } of treeRows(populations)) {
    if (population.parent_id !== parentId || !population.terminal_gid) continue;
    const gate = gateOfGid(gates, population.terminal_gid);
    if (!gate || seen.has(`${gate.x} ${gate.y}`)) continue;
    seen.add(`${gate.x} ${gate.y}`);
    out.push({ x: gate.x, y: gate.y });
  }
  return out;
}

/** Names that differ: ancestors are put before equal ones. */
export function uniqueNames<P extends PopulationLike>(populations: P[]): Map<string, string> {
  const rows = treeRows(populations);
  const names = new Map<string, string>();
  for (const row of rows) {
    let depth = 1;
    const spell = (r: TreeRow<P>, n: number) => r.path.slice(-n).join(' > ');
    while (depth < row.path.length && rows.some((other) => other !== row && spell(other, depth) === spell(row, depth))) depth++;
    names.set(row.population.id, spell(row, depth));
  }
  return names;
}

/** 12.3 % of a whole; '–' of nothing. */
export function percentText(part: number | null | undefined, whole: number | null | undefined): string {
  if (part == null || !whole) return '–';
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.01) return '< 0.01 %';
  return `${percent >= 99.95 && part < whole ? '> 99.9' : percent.toFixed(percent < 1 ? 2 : 1)} %`;
}
