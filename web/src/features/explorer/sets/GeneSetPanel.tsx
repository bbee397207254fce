/** One set of genes: what of it the table holds, and what can be done with it. */

import { useCallback, useState } from 'react';
import type { GeneSetRecord } from '../../../api/analysisTypes';
import type { Job } from '../../../api/types';
import { parseGeneList } from '../../../data/geneLists';
import { plural } from '../../../data/words';
import { useRun } from '../../../state/analyses';
import { useResolved } from '../../../state/geneLists';
import { useAnalyses } from '../../../state/queries';
import { Button, Field } from '../../../views/controls';
import { RunLine } from '../analyses/RunLine';
import { viewOf, type ViewProps } from '../registry';

export interface ChosenSet {
  name: string;
  text: string;
  /** Where it is kept; null = it was pasted. */
  of: GeneSetRecord | null;
}

interface Props extends ViewProps {
  chosen: ChosenSet;
  species: string;
  onKeep: (name: string, genes: string[]) => Promise<unknown>;
}

const FIGURES = [
  { view: 'dots', text: 'Show as dot plot' },
  { view: 'heatmap', text: 'Heat map' },
  { view: 'violin', text: 'Violins' },
];
const MOST_IN_FIGURES = 200;

export function GeneSetPanel({ chosen, species, onKeep, study, dataset, table, state, shared, open }: Props) {
  const [name, setName] = useState(chosen.name);
  const [text, setText] = useState(chosen.text);
  const names = parseGeneList(text);
  const resolved = useResolved(names, { dataset: dataset.id, table: table.name, version: dataset.data_version, species });
  const found = resolved?.found ?? [];
  const analyses = useAnalyses().data ?? [];
  const canScore = study.permissions.includes('analysis.run') && analyses.some((a) => a.name === 'scores' && a.runnable);
  const { setView } = state;
  const onDone = useCallback(
    (job: Job) => {
      const made = (job.result?.elements as { kind: string; name: string }[] | undefined)?.find((e) => e.kind === 'column');
      if (!made) return;
      setView({ color: { by: 'column', name: made.name } });
      open('cells');
    },
    [setView, open],
  );
  const { run, job, busy, error } = useRun(dataset.id, table.name, onDone);
  const title = name.trim() || 'Gene list';
  const score = () => void run({ analysis: 'scores', parameters: { inline: [{ name: title, genes: found }] } });
  const show = (view: string) => {
    shared.setGenes(found.slice(0, MOST_IN_FIGURES));
    open(view);
  };
  return (
    <section className="analysis-form" aria-label="Genes of the set">
      <header className="stack tight">
        <h2>{chosen.of ? chosen.name : 'A list of genes'}</h2>
        <p className="muted">{chosen.of ? `Of ‘${chosen.of.name}’. ` : ''}Symbols, aliases or Ensembl ids, separated by line breaks, commas or blanks.</p>
      </header>
      <div className="sides">
        <Field label="Genes">
          <textarea className="input mono" aria-label="Genes" rows={12} spellCheck={false} placeholder={'CD3D\nCD3E\nENSG00000156738'} value={text} onChange={(e) => setText(e.target.value)} />
        </Field>
        <div className="stack">
          <p role="status">
            <strong>{found.length}</strong> of {plural(names.length, 'name')} {found.length === 1 ? 'is a gene' : 'are genes'} of this table
          </p>
          {resolved && resolved.missing.length > 0 && <p className="small" style={{ color: 'var(--warn)' }}>Not here: {resolved.missing.slice(0, 30).join(', ')}{resolved.missing.length > 30 && ` and ${resolved.missing.length - 30} more`}</p>}
          <div className="chips">{found.slice(0, 40).map((gene) => <button key={gene} type="button" className="button small" title={`Colour the cells by ${gene}`} onClick={() => setView({ color: { by: 'feature', name: gene } })}>{gene}</button>)}{found.length > 40 && <span className="small muted">and {found.length - 40} more</span>}</div>
        </div>
      </div>
      <div className="row wrap">
        {FIGURES.filter((f) => viewOf(f.view)).map((f, i) => <Button key={f.view} look={i === 0 ? 'primary' : undefined} disabled={found.length === 0} onClick={() => show(f.view)}>{f.text}</Button>)}
        {canScore && <Button disabled={found.length === 0 || busy} title="Mean expression of the set over that of similar genes, in every cell" onClick={score}>Colour cells by its score</Button>}
      </div>
      <RunLine job={job} error={error} />
      <div className="row wrap" style={{ alignItems: 'flex-end' }}>
        <div style={{ width: 260 }}>
          <Field label="Name of the list"><input className="input" value={name} maxLength={255} onChange={(e) => setName(e.target.value)} /></Field>
        </div>
        <Button disabled={names.length === 0 || name.trim() === ''} onClick={() => void onKeep(name.trim(), names)}>Keep this list</Button>
      </div>
    </section>
  );
}
