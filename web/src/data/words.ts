/** Numbers, sizes and times as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (n: number | null | undefined) => (n == null ? '–' : whole.format(n));

export const cells = (n: number | null | undefined) =>
  n == null ? '–' : `${whole.format(n)} ${n === 1 ? 'cell' : 'cells'}`;

/** A number with about four significant digits. */
export function number(v: number): string {
  if (!Number.isFinite(v)) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return v.toExponential(2);
  return new Intl.NumberFormat('en', { maximumFractionDigits: size >= 1000 ? 0 : size >= 10 ? 1 : 3 }).format(v);
}

export function bytes(n: number | null | undefined): string {
  if (n == null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let v = n;
  let u = 0;
  while (v >= 1000 && u < units.length - 1) {
    v /= 1000;
    u++;
  }
  return `${u === 0 ? v : v.toFixed(v < 10 ? 1 : 0)} ${units[u]}`;
}

export function seconds(s: number): string {
  if (s < 60) return `${Math.max(0, Math.round(s))} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

/** 'just now', '5 min ago', 'yesterday', else the date. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return '–';
  const s = (now - Date.parse(iso)) / 1000;
  if (s < 45) return 'just now';
  if (s < 3600) return `${Math.round(s / 60)} min ago`;
  if (s < 86400) return `${Math.round(s / 3600)} h ago`;
  if (s < 172800) return 'yesterday';
  return new Date(iso).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });
}

export const clock = (iso: string) =>
  new Date(iso).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export const plural = (n: number, one: string, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;

/** What somebody typed: a number where it spells one without loss ('7', '-0.5', but neither '007' nor '1e5'), else the text. */
export function typedValue(text: string): string | number {
  const plain = text.trim();
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(plain) ? Number(plain) : plain;
}

/** A name not yet taken: 'Population 1', 'Population 2', … */
export function freshName(stem: string, taken: Iterable<string>): string {
  const set = new Set(taken);
  for (let i = 1; ; i++) if (!set.has(`${stem} ${i}`)) return `${stem} ${i}`;
}

/** 'UMAP' from 'X_umap'; other names as they are. */
export function embeddingTitle(name: string): string {
  const known: Record<string, string> = { umap: 'UMAP', tsne: 't-SNE', pca: 'PCA', spatial: 'Spatial', phate: 'PHATE' };
  const stem = name.replace(/^X_/, '');
  return known[stem.toLowerCase()] ?? stem;
}
