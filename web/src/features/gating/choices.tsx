/** Which populations, channels and files a table or figure is of. */

import { useState } from 'react';
import { axisLabel, channelNames, differentPanels, hasReagent, joinedNames, matchByReagent, otherReferences, referenceIn, sideOf } from '../../data/gating/axes';
import { uniqueNames } from '../../data/gating/tree';
import { embeddingTitle } from '../../data/words';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import type { GatedFile, GatingState } from './useGating';

export interface Choice {
  id: string;
  label: string;
  side?: string;
}

interface Props {
  label: string;
  all: Choice[];
  ticked: string[];
  onChange: (ticked: string[]) => void;
  /** The sheet ends at the right of the button, where that is near the edge. */
  right?: boolean;
}

/** From so many choices on they can be searched. */
const MANY = 12;

/** A button that says how many are chosen, and a sheet to choose them in. */
export function TickMenu({ label, all, ticked, onChange, right }: Props) {
  const [search, setSearch] = useState('');
  const found = all.filter((c) => c.label.toLowerCase().includes(search.trim().toLowerCase()));
  const isFound = (id: string) => found.some((c) => c.id === id);
  const known = ticked.filter((id) => all.some((c) => c.id === id));
  const flip = (id: string) => onChange(known.includes(id) ? known.filter((other) => other !== id) : all.map((c) => c.id).filter((other) => other === id || known.includes(other)));
  const text = known.length === 1 ? `${label}: ${all.find((c) => c.id === known[0])?.label}` : `${label}: ${known.length === all.length ? 'all' : known.length}`;
  return (
    <Popover label={label} text={text} small left={!right}>
      {() => (
        <div className="stack tight tick-menu">
          {all.length > MANY && <input className="input small" type="search" aria-label={`Search ${label.toLowerCase()}`} placeholder="Search" value={search} onChange={(e) => setSearch(e.target.value)} />}
          <div className="filter-list" role="group" aria-label={label}>
            {found.map((c) => (
              <label key={c.id}><input type="checkbox" checked={known.includes(c.id)} onChange={() => flip(c.id)} /> <span className="cut">{c.label}</span>{c.side && <span className="count mono">{c.side}</span>}</label>
            ))}
          </div>
          <div className="row">
            <Button small look="plain" onClick={() => onChange(all.map((c) => c.id).filter((id) => isFound(id) || known.includes(id)))}>All</Button>
            <Button small look="plain" onClick={() => onChange(known.filter((id) => !isFound(id)))}>None</Button>
          </div>
        </div>
      )}
    </Popover>
  );
}

/** '' stands for all events. */
export function populationChoices(state: GatingState): Choice[] {
  const names = uniqueNames(state.populations);
  return [{ id: '', label: state.allName }, ...state.rows.map(({ population }) => ({ id: population.id, label: names.get(population.id) ?? population.name }))];
}

/**
 * What the statistics of many files can be of: channels by their reagents, which may lie on others in other files, channels
 * by name, and annotations.
 *
 * @param kept references that are chosen already, so that they can be told and taken away
 */
export function channelChoicesOf(state: GatingState, kept: string[] = []): Choice[] {
  const panels = panelsOf(state);
  const open = state.choices.filter((c) => c.reference.startsWith('var:') || c.reference.startsWith('obs:')).map((c) => (c.reference.startsWith('var:') ? referenceIn(state.file?.panel ?? [], c.reference.slice(4), panels) : c.reference));
  const isKept = (reference: string) => kept.includes(reference) && (reference.startsWith('var:') || reference.startsWith('reagent:')) && channelIn(state, reference) !== null;
  // what is chosen comes first, as it is spelled there: files spell reagents in capitals or not
  const spelled = new Map<string, string>();
  for (const id of [...kept.filter(isKept), ...open, ...othersOf(state)]) if (!spelled.has(id.toLowerCase())) spelled.set(id.toLowerCase(), id);
  const order = [...new Set([...open, ...othersOf(state), ...spelled.values()].map((id) => id.toLowerCase()))];
  return order.map((key) => spelled.get(key) ?? key).map((id) => ({ id, label: titleOf(state, id), side: sideOf(id, panels) }));
}

type Panels = GatedFile['panel'][];

const panelsKnown = new WeakMap<GatedFile[], Panels>();
const othersKnown = new WeakMap<GatedFile[], string[]>();

/** Found once for some files: there may be a thousand of them, of a few panels. */
function once<T>(known: WeakMap<GatedFile[], T>, files: GatedFile[], find: () => T): T {
  const found = known.get(files) ?? find();
  known.set(files, found);
  return found;
}

const panelsOfAll = (files: GatedFile[]) => once(panelsKnown, files, () => differentPanels(files.map((f) => f.panel).filter((panel) => panel.length > 0)));

/** The panels of all files, each once, that of the open one first. */
const panelsOf = (state: GatingState) => differentPanels([...(state.file?.panel.length ? [state.file.panel] : []), ...panelsOfAll(state.files)]);

const othersOf = (state: GatingState) => once(othersKnown, state.files, () => otherReferences(panelsOfAll(state.files)));

/** Channels that measure something worth a statistic: those with reagents, else all but time. */
export function usualChannels(state: GatingState): string[] {
  const panel = (state.file?.panel ?? []).filter((c) => !/^time$/i.test(c.channel));
  const named = panel.filter(hasReagent);
  return (named.length ? named : panel).map((c) => referenceIn(panel, c.channel, panelsOf(state)));
}

/** The channel of a reference in the open file, else in the first that has it; null = no file has it. */
export function channelIn(state: GatingState, reference: string): string | null {
  for (const panel of panelsOf(state)) {
    const { axis } = matchByReagent(reference, panel, panel);
    if (axis !== null) return axis;
  }
  return null;
}

/** An axis in a table or figure: by its reagent, and its channel where several have that reagent. */
export function labelOf(state: GatingState, reference: string): string {
  const panel = state.file?.panel ?? [];
  const names = axisLabel(reference, panel, embeddingTitle);
  return panel.filter((c) => channelNames(c).label === names.label).length > 1 ? joinedNames(names) : names.label;
}

/** An axis of many files: a channel that has other reagents in other files is called by its own name. */
export function titleOf(state: GatingState, reference: string): string {
  const panels = panelsOf(state);
  const named = panels.flatMap((panel) => panel.filter((c) => `var:${c.channel}` === reference && hasReagent(c)));
  const reagents = new Set(named.map((c) => c.reagent.trim().toLowerCase()));
  if (reagents.size > 1) return reference.slice('var:'.length);
  if (!named.length) return axisLabel(reference, [], embeddingTitle).label;
  const isShared = panels.some((panel) => panel.filter((c) => reagents.has(c.reagent.trim().toLowerCase())).length > 1);
  return isShared ? joinedNames(channelNames(named[0])) : channelNames(named[0]).label;
}

export const STATISTICS = [
  { id: 'event_count', label: 'Events', perChannel: false },
  { id: 'percent', label: 'Percent', perChannel: false },
  { id: 'events_per_ul', label: 'Events per µL', perChannel: false },
  { id: 'median', label: 'Median', perChannel: true },
  { id: 'mean', label: 'Mean', perChannel: true },
  { id: 'geometric_mean', label: 'Geometric mean', perChannel: true },
  { id: 'quantile', label: 'Quantile', perChannel: true },
  { id: 'cv', label: 'CV', perChannel: true },
  { id: 'stddev', label: 'Standard deviation', perChannel: true },
  { id: 'mad', label: 'MAD', perChannel: true },
];

export const statisticLabel = (id: string) => STATISTICS.find((s) => s.id === id)?.label ?? id;
