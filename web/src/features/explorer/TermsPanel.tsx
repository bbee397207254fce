/** Standard terms of the categories of an annotation: suggested by their names, chosen, taken away. */

import { useDeferredValue, useState } from 'react';
import type { LevelTerm, TermHit } from '../../api/termTypes';
import type { ColumnRecord } from '../../api/types';
import type { LegendEntry } from '../../data/legend';
import { plural } from '../../data/words';
import { useColumnTerms, useOntologies, useTermSearch } from '../../state/queries';
import { Button } from '../../views/controls';
import { Suggest } from '../../views/Suggest';
import { Loaded } from '../../views/states';
import type { AnnotationActions } from './annotations';

interface Props {
  datasetId: string;
  tableName: string;
  record: ColumnRecord;
  entries: LegendEntry[];
  mayEdit: boolean;
  actions: AnnotationActions;
}

type Set = (level: string, term: TermHit | null) => void;

export function TermsPanel({ datasetId, tableName, record, entries, mayEdit, actions }: Props) {
  const query = useColumnTerms(datasetId, tableName, record);
  const set: Set = (level, term) => void actions.setTerms(record, { [level]: term?.id ?? null }, term ? `‘${level}’ is ‘${term.label}’ (${term.id})` : `‘${level}’ has no standard term now`);
  const place = new Map(entries.map((e, i) => [e.name, i]));
  const color = new Map(entries.map((e) => [e.name, e.color]));
  return (
    <Loaded query={query} rows={4}>
      {(all) => {
        const levels = [...all].sort((a, b) => (place.get(a.level) ?? 1e9) - (place.get(b.level) ?? 1e9));
        const best = levels.flatMap((l) => (l.term_id === null && l.suggestions[0] ? [[l.level, l.suggestions[0].id] as const] : []));
        return (
          <div className="stack tight">
            <p className="small muted">Terms of public ontologies: by them clients and searches know the same cell type, tissue or disease in every study.</p>
            {mayEdit && best.length > 0 && (
              <Button small look="primary" onClick={() => void actions.setTerms(record, Object.fromEntries(best), `${plural(best.length, 'category has its', 'categories have their')} best suggestion`)}>
                Take the best suggestion of {plural(best.length, 'category', 'categories')}
              </Button>
            )}
            <ul className="terms" aria-label="Standard terms">
              {levels.map((level) => (
                <li key={level.level}>
                  <span className="row"><i className="dot" style={{ background: color.get(level.level) }} /><strong className="cut">{level.level || '(empty)'}</strong></span>
                  <Term level={level} mayEdit={mayEdit} onSet={set} />
                </li>
              ))}
            </ul>
          </div>
        );
      }}
    </Loaded>
  );
}

function Term({ level, mayEdit, onSet }: { level: LevelTerm; mayEdit: boolean; onSet: Set }) {
  const [searching, setSearching] = useState(false);
  if (level.term_id !== null) {
    return (
      <span className="row small">
        <span className="cut" title={level.term ?? ''}>{level.term}</span>
        <a className="mono" href={`http://purl.obolibrary.org/obo/${level.term_id.replace(':', '_')}`} target="_blank" rel="noreferrer">{level.term_id}</a>
        <span className="grow" />
        {mayEdit && <Button small look="plain" icon="close" label={`Take the term of ${level.level} away`} onClick={() => onSet(level.level, null)} />}
      </span>
    );
  }
  if (!mayEdit) return <span className="small muted">no standard term</span>;
  if (searching) return <TermSearch level={level.level} onTake={(term) => { setSearching(false); onSet(level.level, term); }} />;
  const alike = (score: number) => (score >= 0.97 ? 'same words' : `${Math.round(100 * score)} % alike`);
  return (
    <select
      className="input small"
      aria-label={`Standard term of ${level.level}`}
      value=""
      onChange={(e) => {
        const term = level.suggestions.find((s) => s.id === e.target.value);
        if (term) onSet(level.level, term);
        else setSearching(true);
      }}
    >
      <option value="" disabled>{level.suggestions.length ? `Suggested: ${level.suggestions[0].label}…` : 'No suggestion'}</option>
      {level.suggestions.map((s) => <option key={s.id} value={s.id}>{s.label} ({s.id}, {alike(s.score)})</option>)}
      <option value="search">Search a term…</option>
    </select>
  );
}

function TermSearch({ level, onTake }: { level: string; onTake: (term: TermHit) => void }) {
  const ontologies = useOntologies().data ?? [];
  const [chosen, setChosen] = useState('');
  const [text, setText] = useState(level);
  const asked = useDeferredValue(text);
  const ontology = chosen || (ontologies[0]?.name ?? '');
  const query = useTermSearch(ontology, asked);
  return (
    <span className="stack tight">
      <select className="input small" aria-label={`Ontology for ${level}`} value={ontology} onChange={(e) => setChosen(e.target.value)}>
        {ontologies.map((o) => <option key={o.name} value={o.name}>{o.title} ({o.kind})</option>)}
      </select>
      <Suggest
        label={`Search a term for ${level}`}
        placeholder="Term, synonym or id"
        text={text}
        onText={setText}
        items={asked.trim() ? (query.data ?? []) : []}
        itemKey={(t) => t.id}
        itemText={(t) => ({ main: t.label, side: t.id })}
        onTake={onTake}
        emptyText={query.isFetching ? 'Searching…' : query.error ? query.error.message : 'No term is called like that'}
        busy={asked !== text || query.isFetching}
      />
    </span>
  );
}
