/** The genes that violins, dots and heat maps show: each can be taken out, more are searched or pasted. */

import { useDeferredValue, useState } from 'react';
import { useGeneHits } from '../../../state/geneLists';
import { Suggest } from '../../../views/Suggest';

interface Props {
  datasetId: string;
  tableName: string;
  genes: string[];
  onGenes: (genes: string[]) => void;
  /** What stands where no gene is chosen. */
  none?: string;
  /** What they are called, where they may be other than genes. */
  noun?: string;
}

export function GeneList({ datasetId, tableName, genes, onGenes, none, noun = 'gene' }: Props) {
  return (
    <div className="chips" role="group" aria-label={`${noun[0].toUpperCase()}${noun.slice(1)}s`}>
      {genes.length === 0 && none && <span className="muted">{none}</span>}
      {genes.map((gene) => (
        <span key={gene} className="chip">
          {gene}
          <button type="button" aria-label={`Take ${gene} out`} onClick={() => onGenes(genes.filter((g) => g !== gene))}>×</button>
        </span>
      ))}
      <GeneAdd datasetId={datasetId} tableName={tableName} noun={noun} onAdd={(more) => onGenes([...genes, ...more])} />
      {genes.length > 1 && <button type="button" className="button plain small" onClick={() => onGenes([])}>Clear {noun}s</button>}
    </div>
  );
}

function GeneAdd({ datasetId, tableName, noun, onAdd }: { datasetId: string; tableName: string; noun: string; onAdd: (genes: string[]) => void }) {
  const [text, setText] = useState('');
  const asked = useDeferredValue(text);
  const query = useGeneHits(datasetId, tableName, asked);
  const found = asked.trim() ? (query.data ?? []) : [];
  return (
    <Suggest
      label={`Add a ${noun}`}
      placeholder={`Add a ${noun}…`}
      text={text}
      onText={setText}
      items={found}
      itemKey={(f) => `${f.index}`}
      itemText={(f) => ({ main: f.symbol, side: f.feature_id !== f.symbol ? f.feature_id : f.feature_type })}
      onTake={(f) => {
        onAdd([f.symbol]);
        setText('');
      }}
      emptyText={query.isFetching ? 'Searching…' : query.error ? query.error.message : `No ${noun} is called like ‘${asked}’`}
      busy={asked !== text || query.isFetching}
    />
  );
}
