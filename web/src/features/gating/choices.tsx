/** Which populations, channels and files a table or figure is of. */

import { useState } from 'react';
import { axisLabel, channelNames, hasReagent, joinedNames } from '../../data/gating/axes';
import { uniqueNames } from '../../data/gating/tree';
import { embeddingTitle } from '../../data/words';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import type { GatingState } from './useGating';

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

export function channelChoicesOf(state: GatingState): Choice[] {
  return state.choices.filter((c) => c.reference.startsWith('var:') || c.reference.startsWith('obs:')).map((c) => ({ id: c.reference, label: c.label, side: c.side }));
}

/** Channels that measure something worth a statistic: those with reagents, else all but time. */
export function usualChannels(state: GatingState): string[] {
  const panel = (state.file?.panel ?? []).filter((c) => !/^time$/i.test(c.channel));
  const named = panel.filter(hasReagent);
  return (named.length ? named : panel).map((c) => `var:${c.channel}`);
}

/** An axis in a table or figure: by its reagent, and its channel where several have that reagent. */
export function labelOf(state: GatingState, reference: string): string {
  const panel = state.file?.panel ?? [];
  const names = axisLabel(reference, panel, embeddingTitle);
  return panel.filter((c) => channelNames(c).label === names.label).length > 1 ? joinedNames(names) : names.label;
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
