/** Marker genes, group by group, best first. */

import type { Frame } from './frames';

export interface Marker {
  feature: string;
  id: string;
  z: number;
  p: number;
  change: number;
  shareIn: number;
  shareOut: number;
}

export interface MarkerGroup {
  name: string;
  markers: Marker[];
}

export function markerGroups(frame: Frame): MarkerGroup[] {
  const [group, feature, id] = ['group', 'feature', 'feature_id'].map((name) => frame.texts(name));
  const [z, p, change, shareIn, shareOut] = ['z', 'p_adjusted', 'log2_fold_change', 'share_in', 'share_out'].map((name) => frame.numbers(name));
  const groups = new Map<string, Marker[]>();
  for (let i = 0; i < frame.length; i++) {
    const list = groups.get(group[i]) ?? [];
    list.push({ feature: feature[i], id: id[i], z: z[i], p: p[i], change: change[i], shareIn: shareIn[i], shareOut: shareOut[i] });
    groups.set(group[i], list);
  }
  return [...groups].map(([name, markers]) => ({ name, markers }));
}

/** The best genes of every group, each gene once, in the order of the groups. */
export const bestOf = (groups: MarkerGroup[], n: number) => [...new Set(groups.flatMap((g) => g.markers.slice(0, n).map((m) => m.feature)))];
