/** Gene sets: pasted, uploaded or kept; shown in the figures, or as the score of every cell. */

import { useState } from 'react';
import { createGeneSet, deleteGeneSet, importGeneSet } from '../../../api/geneSets';
import type { GeneSetRecord } from '../../../api/analysisTypes';
import { parseGeneList } from '../../../data/geneLists';
import { plural } from '../../../data/words';
import { useGeneSet } from '../../../state/geneLists';
import { tell, tellError } from '../../../state/notices';
import { keys, refresh, useGeneSets } from '../../../state/queries';
import { Button } from '../../../views/controls';
import { ErrorNote, Loaded } from '../../../views/states';
import type { ViewProps } from '../registry';
import { GeneSetPanel, type ChosenSet } from './GeneSetPanel';

export default function GeneSetsView(props: ViewProps) {
  const { study } = props;
  const query = useGeneSets();
  const [chosen, setChosen] = useState<ChosenSet>({ name: '', text: props.shared.genes.join('\n'), of: null });
  const [error, setError] = useState<unknown>(null);
  const species = study.species || 'human';
  const upload = async (file: File) => {
    setError(null);
    try {
      const made = await importGeneSet(await file.text(), { name: file.name.replace(/\.(gmt|csv|tsv|txt)$/i, ''), kind: 'sets', species, filename: file.name });
      tell(`‘${made.name}’ holds ${plural(made.n_sets, 'gene set')}`);
      await refresh(keys.geneSets);
    } catch (failure) {
      setError(failure);
    }
  };
  const keep = (name: string, genes: string[]) =>
    createGeneSet({ name, kind: 'sets', species, sets: [{ name, genes }] }).then(() => {
      tell(`‘${name}’ is kept; you find it here in every study`);
      return refresh(keys.geneSets);
    }, tellError);
  return (
    <div className="analyses">
      <nav className="analysis-list" aria-label="Gene sets">
        <div className="row wrap" style={{ padding: 4 }}>
          <Button small icon="plus" onClick={() => setChosen({ name: '', text: '', of: null })}>Paste a list</Button>
          <label className="button small" title="GMT: one set a line. CSV or TSV: a column for the set and one for the gene.">
            Upload GMT or CSV
            <input type="file" className="hidden-label" accept=".gmt,.csv,.tsv,.txt" aria-label="Upload GMT or CSV" onChange={(e) => { const file = e.target.files?.[0]; e.target.value = ''; if (file) void upload(file); }} />
          </label>
        </div>
        <ErrorNote error={error} />
        <Loaded query={query} rows={3}>
          {(list) => (
            <>
              {list.length === 0 && <p className="small muted" style={{ padding: 8 }}>Nothing kept yet. A pasted list can be kept; a GMT file brings many sets at once.</p>}
              {list.map((record) => <Collection key={record.id} record={record} chosen={chosen} onChoose={setChosen} />)}
            </>
          )}
        </Loaded>
      </nav>
      <GeneSetPanel key={`${chosen.of?.id ?? ''} ${chosen.name}`} {...props} chosen={chosen} species={species} onKeep={keep} />
    </div>
  );
}

const SHOWN = 500;

/** The sets of one file or list, opened by a click. */
function Collection({ record, chosen, onChoose }: { record: GeneSetRecord; chosen: ChosenSet; onChoose: (set: ChosenSet) => void }) {
  const [isOpen, setOpen] = useState(false);
  const [find, setFind] = useState('');
  const query = useGeneSet(isOpen ? record.id : null);
  const sets = (query.data?.sets ?? []).filter((s) => s.name.toLowerCase().includes(find.trim().toLowerCase()));
  const remove = () => deleteGeneSet(record).then(() => refresh(keys.geneSets), tellError);
  return (
    <div className="gene-collection">
      <div className="row">
        <button type="button" className="grow" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <strong className="cut">{record.name}</strong>
          <span className="small muted">{[plural(record.n_sets, 'set'), record.species, record.owner].filter(Boolean).join(' · ')}</span>
        </button>
        {record.may_edit && <Button small look="plain" icon="trash" label={`Delete ${record.name}`} onClick={() => void remove()} />}
      </div>
      {isOpen && (
        <div className="stack tight" style={{ paddingLeft: 8 }}>
          <ErrorNote error={query.error} />
          {(query.data?.sets?.length ?? 0) > 12 && <input className="input small" type="search" aria-label={`Find a set in ${record.name}`} placeholder="Find a set" value={find} onChange={(e) => setFind(e.target.value)} />}
          {sets.slice(0, SHOWN).map((set) => (
            <button key={set.name} type="button" aria-current={chosen.of?.id === record.id && chosen.name === set.name ? 'true' : undefined} onClick={() => onChoose({ name: set.name, text: parseGeneList(set.genes.join('\n')).join('\n'), of: record })}>
              <span className="spread"><span className="cut">{set.name}</span><span className="small muted">{set.genes.length}</span></span>
            </button>
          ))}
          {sets.length > SHOWN && <span className="small muted">and {sets.length - SHOWN} more: search above</span>}
        </div>
      )}
    </div>
  );
}
