/** The legend of an annotation: a click hides, a shift-click isolates. */

import { useRef } from 'react';
import type { LegendEntry } from '../data/legend';
import { count } from '../data/words';

interface Props {
  entries: LegendEntry[];
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
  onIsolate: (name: string) => void;
  /** Where colours may be changed. */
  onColor?: (name: string, color: string) => void;
}

export function LegendView({ entries, hidden, onToggle, onIsolate, onColor }: Props) {
  return (
    <ul className="legend">
      {entries.map((entry) => (
        <li key={entry.name}>
          {onColor && entry.code >= 0 ? <ColorDot entry={entry} onColor={onColor} /> : null}
          <button
            type="button"
            className={hidden.has(entry.name) ? 'entry off' : 'entry'}
            aria-pressed={!hidden.has(entry.name)}
            title="Click hides or shows it; Shift and click shows only it"
            onClick={(event) => (event.shiftKey ? onIsolate(entry.name) : onToggle(entry.name))}
          >
            {!(onColor && entry.code >= 0) && <span className="dot" style={{ background: entry.color }} />}
            <span className="cut">{entry.label}</span>{' '}
            <span className="count">{count(entry.count)}<span className="hidden-label"> cells</span></span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The colour is saved when the chooser closes, not at every step through it. */
function ColorDot({ entry, onColor }: { entry: LegendEntry; onColor: (name: string, color: string) => void }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  return (
    <input
      type="color"
      key={entry.color}
      defaultValue={entry.color}
      aria-label={`Colour of ${entry.label}`}
      title={`Change the colour of ${entry.label}`}
      onInput={(event) => {
        const { value } = event.currentTarget;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onColor(entry.name, value), 500);
      }}
    />
  );
}
