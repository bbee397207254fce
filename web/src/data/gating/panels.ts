/** Panels of files: which files have the same one, where they differ, and tables of them from a spreadsheet. */

import { parseTabs } from '../cellsheet';

interface ChannelLike {
  channel: string;
  reagent: string;
}

interface FileLike {
  key: string;
  panel: ChannelLike[];
}

export interface PanelGroup<F extends FileLike> {
  panel: F['panel'];
  files: F[];
}

const panelKey = (panel: ChannelLike[]) => panel.map((c) => `${c.channel}\t${c.reagent}`).join('\n');
export const channelsKey = (panel: ChannelLike[]) => panel.map((c) => c.channel).sort().join('\n');

/** Files by equal panels, the most frequent panel first. */
export function panelGroups<F extends FileLike>(files: F[]): PanelGroup<F>[] {
  const groups = new Map<string, PanelGroup<F>>();
  for (const file of files) {
    if (!file.panel.length) continue;
    const key = panelKey(file.panel);
    const group: PanelGroup<F> = groups.get(key) ?? { panel: file.panel, files: [] };
    group.files.push(file);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.files.length - a.files.length);
}

/** What a channel is called in other files, with how many call it so; empty where all agree. */
export function otherReagents(channel: string, reagent: string, files: FileLike[]): { reagent: string; files: number }[] {
  const tally = new Map<string, number>();
  for (const file of files) {
    const found = file.panel.find((c) => c.channel === channel);
    if (found && found.reagent !== reagent) tally.set(found.reagent, (tally.get(found.reagent) ?? 0) + 1);
  }
  return [...tally].map(([name, n]) => ({ reagent: name, files: n })).sort((a, b) => b.files - a.files);
}

/** Reagents that are to change, for these files: channel → reagent. */
export function changedReagents(wanted: Map<string, string>, files: FileLike[]): { reagents: Record<string, string | null>; files: number } {
  const reagents: Record<string, string | null> = {};
  const touched = new Set<string>();
  for (const [channel, reagent] of wanted) {
    for (const file of files) {
      const found = file.panel.find((c) => c.channel === channel);
      if (!found || found.reagent === reagent.trim()) continue;
      reagents[channel] = reagent.trim() || null;
      touched.add(file.key);
    }
  }
  return { reagents, files: touched.size };
}

/**
 * Reagents from a spreadsheet: rows that name a channel give it the cell after the name; where no row does, the cells go
 * to the channels from `from` on. Null where it is one cell, or nothing fits.
 */
export function pastedPanel(text: string, panel: ChannelLike[], from: number): Map<string, string> | null {
  const rows = parseTabs(text);
  if (rows.length < 2 && (rows[0]?.length ?? 0) < 2) return null;
  const out = new Map<string, string>();
  for (const cells of rows) {
    const at = cells.findIndex((cell) => panel.some((c) => c.channel.toLowerCase() === cell.toLowerCase()));
    const channel = at >= 0 && at + 1 < cells.length ? panel.find((c) => c.channel.toLowerCase() === cells[at].toLowerCase()) : undefined;
    if (channel) out.set(channel.channel, cells[at + 1]);
  }
  if (out.size === 0) rows.forEach((cells, i) => panel[from + i] && out.set(panel[from + i].channel, cells[cells.length - 1]));
  return out.size ? out : null;
}
