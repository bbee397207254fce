/** Differential expression of any two selections: chosen, computed as a job, kept, and read as a table and a volcano. */

import { useCallback } from 'react';
import { deleteComparison } from '../../../api/analyses';
import type { ComparisonRecord } from '../../../api/analysisTypes';
import type { Job } from '../../../api/types';
import { selectionText } from '../../../data/selections';
import { ago, count } from '../../../data/words';
import { useComparisons } from '../../../state/analyses';
import { tell, tellError } from '../../../state/notices';
import { keys, refresh } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Button } from '../../../views/controls';
import { Empty, Loaded } from '../../../views/states';
import { Control } from '../controls';
import type { ViewProps } from '../registry';
import { CompareForm, newSides } from './CompareForm';
import { CompareResult } from './CompareResult';

const INITIAL = { id: '' };

export default function CompareView(props: ViewProps) {
  const { study, dataset, table, state, shared } = props;
  const { setSides } = shared;
  const query = useComparisons(dataset.id, table.name);
  const [chosen, change] = useViewState('comparison', INITIAL);
  const onDone = useCallback(
    (job: Job) => {
      const made = (job.result?.elements as { id: string; kind: string }[] | undefined)?.find((e) => e.kind === 'comparison');
      if (made) change({ id: made.id });
      setSides(null);
    },
    // `change` is made anew at each render and does the same
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [],
  );
  const mayRun = study.permissions.includes('analysis.run');
  return (
    <Loaded query={query} rows={6}>
      {(list) => {
        const current = list.find((c) => c.id === chosen.id) ?? list[0];
        const shows = current && !shared.sides;
        return (
          <div className="view">
            {list.length > 0 && (
              <div className="toolbar" role="toolbar" aria-label="Comparison">
                <Control label="Comparison" help="Comparisons of this table that were computed">
                  <select className="input" style={{ maxWidth: 380 }} aria-label="Comparison" value={shows ? current.id : ''} onChange={(e) => { change({ id: e.target.value }); setSides(null); }}>
                    {!shows && <option value="">Choose one…</option>}
                    {list.map((c) => <option key={c.id} value={c.id}>{titleOf(c)}</option>)}
                  </select>
                </Control>
                {shows && mayRun && <Button icon="plus" onClick={() => setSides(newSides(state.selection?.toIndices() ?? null, shared.group))}>New comparison</Button>}
                {!shows && <Button onClick={() => setSides(null)}>Back to the results</Button>}
                <span className="grow" />
                {shows && <span className="small muted">{ago(current.created_at)}</span>}
                {shows && mayRun && <RemoveButton {...props} comparison={current} />}
              </div>
            )}
            {shows ? (
              <CompareResult key={current.id} {...props} comparison={current} />
            ) : mayRun ? (
              <CompareForm {...props} onDone={onDone} />
            ) : (
              <Empty title="Nothing was compared yet">Comparing cells needs the role of an editor in this study. Ask its owner for it.</Empty>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

const titleOf = (c: ComparisonRecord) =>
  `${c.name || `${selectionText(c.first)} and ${selectionText(c.second)}`} (${count(c.n_first)} : ${count(c.n_second)} cells, ${c.method})`;

function RemoveButton({ dataset, table, comparison }: ViewProps & { comparison: ComparisonRecord }) {
  const remove = () =>
    deleteComparison(dataset.id, table.name, comparison.id).then(() => {
      tell('The comparison is removed; bring it back under History');
      return refresh(keys.comparisons(dataset.id, table.name), keys.dataset(dataset.id));
    }, tellError);
  return <Button look="plain" small icon="trash" label="Remove this comparison" onClick={() => void remove()} />;
}
