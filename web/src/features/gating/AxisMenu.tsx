/** What an axis shows, and how it is scaled. */

import { useDeferredValue, useState } from 'react';
import type { AxisChoice } from '../../data/gating/axes';
import { useGeneHits } from '../../state/geneLists';
import { ScaleEditor } from './ScaleEditor';
import type { GatingState } from './useGating';

interface Props {
  state: GatingState;
  reference: string;
  onTake: (reference: string) => void;
}

export function AxisMenu({ state, reference, onTake }: Props) {
  const [text, setText] = useState('');
  const { file, choices } = state;
  const asked = useDeferredValue(text);
  const needle = asked.trim().toLowerCase();
  const searchesGenes = file !== null && file.panel.length === 0;
  const genes = useGeneHits(file?.dataset.id ?? '', file?.table.name ?? '', searchesGenes ? asked : '').data ?? [];
  const listed: AxisChoice[] = [
    ...choices.filter((c) => `${c.label} ${c.side}`.toLowerCase().includes(needle)),
    ...(searchesGenes && needle ? genes.map((g) => ({ reference: `var:${g.symbol}`, label: g.symbol, side: g.feature_id !== g.symbol ? g.feature_id : '', group: 'Genes' })) : []),
  ];
  const groups = [...new Set(listed.map((c) => c.group))];
  return (
    <div className="axis-menu stack">
      <input
        className="input small" autoFocus aria-label="Find an axis" placeholder={searchesGenes ? 'Gene, embedding or annotation' : 'Reagent or channel'} value={text} onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => { if (e.key === 'Enter' && listed[0]) { e.preventDefault(); onTake(listed[0].reference); } }}
      />
      <div className="axis-list">
        {groups.map((group) => (
          <div key={group} role="group" aria-label={group}>
            <div className="group">{group}</div>
            {listed.filter((c) => c.group === group).map((c) => (
              <button key={c.reference} type="button" className="gating-row" aria-current={c.reference === reference ? 'true' : undefined} onClick={() => onTake(c.reference)}>
                <span className="cut">{c.label}</span>
                <span className="count mono">{c.side}</span>
              </button>
            ))}
          </div>
        ))}
        {listed.length === 0 && <p className="small muted">{searchesGenes && !needle ? 'Type the name of a gene.' : 'Nothing is called so.'}</p>}
      </div>
      <ScaleEditor state={state} reference={reference} />
    </div>
  );
}
