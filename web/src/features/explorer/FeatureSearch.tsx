/** Find a gene by the beginning of its name, and colour by it. */

import { useDeferredValue, useState, type Ref } from 'react';
import { useGeneHits } from '../../state/geneLists';
import { Suggest } from '../../views/Suggest';

interface Props {
  datasetId: string;
  tableName: string;
  /** The gene that is coloured by. */
  current: string;
  onTake: (symbol: string) => void;
  inputRef: Ref<HTMLInputElement>;
}

export function FeatureSearch({ datasetId, tableName, current, onTake, inputRef }: Props) {
  const [text, setText] = useState(current);
  const [before, setBefore] = useState(current);
  if (before !== current) {
    setBefore(current);
    setText(current);
  }
  const asked = useDeferredValue(text);
  const query = useGeneHits(datasetId, tableName, asked);
  return (
    <Suggest
      label="Colour by a gene"
      placeholder="Gene, such as CD3E  ( / )"
      text={text}
      onText={setText}
      items={asked.trim() ? (query.data ?? []) : []}
      itemKey={(f) => `${f.index}`}
      itemText={(f) => ({ main: f.symbol, side: f.feature_id !== f.symbol ? f.feature_id : f.feature_type })}
      onTake={(f) => onTake(f.symbol)}
      emptyText={query.isFetching ? 'Searching…' : query.error ? query.error.message : `No gene is called like ‘${asked}’`}
      busy={asked !== text || query.isFetching}
      inputRef={inputRef}
    />
  );
}
