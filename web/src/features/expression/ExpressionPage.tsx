/** Where a gene is expressed: cell types of every study that one may read. */

import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { getDataset } from '../../api/datasets';
import { acrossGrid, type AcrossCell, type AcrossGrid } from '../../data/across';
import { toCsv } from '../../data/csv';
import { literal } from '../../data/python';
import { plural } from '../../data/words';
import { drawAcross } from '../../render/figure/acrossDots';
import type { Ink } from '../../render/figure/scene';
import { useExpression, useGeneSearch } from '../../state/across';
import { offerShortcuts } from '../../state/keyboard';
import { tellError } from '../../state/notices';
import { useStudies } from '../../state/queries';
import { navigate } from '../../state/route';
import { useViewState } from '../../state/viewState';
import { Segments } from '../../views/controls';
import { Figure } from '../../views/figure/Figure';
import { Suggest } from '../../views/Suggest';
import { Empty, ErrorNote, Skeleton } from '../../views/states';
import { serverUrl } from '../explorer/place';
import { AcrossTable } from './AcrossTable';

const INITIAL = { genes: [] as string[], species: 'human', by: 'cell_type', gene: '' };
const EXAMPLES: Record<string, string[]> = { human: ['CD3E', 'MS4A1', 'LYZ'], mouse: ['Cd3e', 'Ms4a1', 'Lyz2'] };

export function ExpressionPage() {
  const [chosen, change] = useViewState('expression', INITIAL);
  const studies = useStudies('').data ?? [];
  const species = [...new Set(['human', 'mouse', ...studies.map((s) => s.species).filter(Boolean)])];
  const query = useExpression(chosen.genes, chosen.species, chosen.by);
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => offerShortcuts([{ keys: '/', title: 'Search a gene', run: () => search.current?.focus() }]), []);
  const add = (names: string[]) => change({ genes: [...new Set([...chosen.genes, ...names])].slice(0, 20), gene: names[names.length - 1] ?? chosen.gene });
  const remove = (name: string) => change({ genes: chosen.genes.filter((g) => g !== name), gene: '' });
  return (
    <div className="page wide">
      <header>
        <h1>Expression across studies</h1>
        <select className="input" style={{ width: 'auto' }} aria-label="Species" value={chosen.species} onChange={(e) => change({ species: e.target.value, genes: [], gene: '' })}>
          {species.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <GeneBox species={chosen.species} onTake={(symbol) => add([symbol])} inputRef={search} />
      </header>
      <div className="row wrap">
        <div className="chips grow" role="group" aria-label="Genes asked for">
          {chosen.genes.map((name) => (
            <span key={name} className="chip">{name}<button type="button" aria-label={`Take ${name} off`} onClick={() => remove(name)}>×</button></span>
          ))}
        </div>
        <label className="row small">
          <span className="muted">cells grouped by</span>
          <input className="input small" style={{ width: 170 }} aria-label="Cells grouped by" list="groupings-across" defaultValue={chosen.by === 'cell_type' ? 'cell type' : chosen.by} onBlur={(e) => change({ by: /^(cell type|)$/i.test(e.target.value.trim()) ? 'cell_type' : e.target.value.trim() })} onKeyDown={(e) => e.key === 'Enter' && e.currentTarget.blur()} />
          <datalist id="groupings-across"><option value="cell type" /></datalist>
        </label>
      </div>
      {chosen.genes.length === 0 ? (
        <div className="card">
          <Empty title="Which gene?" action={<div className="row">{(EXAMPLES[chosen.species] ?? []).map((name) => <button key={name} type="button" className="button" onClick={() => add([name])}>{name}</button>)}</div>}>
            Search by symbol, alias or Ensembl id: you see in which cell types of which studies it is expressed, and open a study with a click.
          </Empty>
        </div>
      ) : query.error ? (
        <ErrorNote error={query.error} onRetry={() => void query.refetch()} />
      ) : query.data ? (
        <Found found={query.data} busy={query.isPlaceholderData} asked={chosen.genes} species={chosen.species} by={chosen.by} gene={chosen.gene} onGene={(gene) => change({ gene })} />
      ) : (
        <Skeleton rows={8} />
      )}
    </div>
  );
}

function GeneBox({ species, onTake, inputRef }: { species: string; onTake: (symbol: string) => void; inputRef: React.Ref<HTMLInputElement> }) {
  const [text, setText] = useState('');
  const asked = useDeferredValue(text);
  const query = useGeneSearch(species, asked);
  const note = (hit: { id: string; aliases: string[]; n_studies: number }) => {
    const alias = hit.aliases.find((a) => a.toLowerCase().startsWith(asked.trim().toLowerCase()));
    return `${alias ?? hit.id} · ${plural(hit.n_studies, 'study', 'studies')}`;
  };
  return (
    <div style={{ width: 320 }}>
      <Suggest
        label="Search a gene"
        placeholder="Symbol, alias or Ensembl id  ( / )"
        text={text}
        onText={setText}
        items={asked.trim() ? (query.data ?? []) : []}
        itemKey={(hit) => `${hit.id} ${hit.symbol}`}
        itemText={(hit) => ({ main: hit.symbol, side: note(hit) })}
        onTake={(hit) => { onTake(hit.symbol); setText(''); }}
        emptyText={query.isFetching ? 'Searching…' : query.error ? query.error.message : `No study measures a gene like ‘${asked}’`}
        busy={asked !== text || query.isFetching}
        inputRef={inputRef}
      />
    </div>
  );
}

interface FoundProps {
  found: { cells: AcrossCell[]; named: Record<string, string>; lost: string[]; ambiguous: { name: string; symbols: string[] }[] };
  busy: boolean;
  asked: string[];
  species: string;
  by: string;
  gene: string;
  onGene: (gene: string) => void;
}

/** Open a study's table, coloured by the gene. */
async function openDataset(studyId: string, datasetId: string, gene: string): Promise<void> {
  const table = (await getDataset(datasetId)).tables[0];
  const view = encodeURIComponent(JSON.stringify({ version: 2, color: { by: 'feature', name: gene } }));
  navigate(table ? `studies/${studyId}/tables/${datasetId}/${encodeURIComponent(table.name)}?view=${view}` : `studies/${studyId}`);
}

function Found({ found, busy, asked, species, by, gene, onGene }: FoundProps) {
  const genes = asked.filter((name) => !found.lost.includes(name)).map((name) => found.named[name] ?? name).filter((name, i, all) => all.indexOf(name) === i);
  const current = genes.includes(gene) ? gene : (found.named[gene] ?? genes[genes.length - 1] ?? '');
  const open = (studyId: string, datasetId: string) => void openDataset(studyId, datasetId, current).catch(tellError);
  return (
    <>
      {found.lost.length > 0 && <p className="small" style={{ color: 'var(--warn)' }}>Measured in none of your studies: {found.lost.join(', ')}</p>}
      {found.ambiguous.map(({ name, symbols }) => <p key={name} className="small" style={{ color: 'var(--warn)' }}>‘{name}’ means several genes: {symbols.join(', ')}. Search for one of them.</p>)}
      {genes.length > 1 && <div><Segments label="Gene that is shown" value={current} onChange={onGene} options={genes.map((name) => ({ value: name, label: name }))} /></div>}
      {!found.cells.some((c) => c.gene === current) ? (
        <div className="card"><Empty title={current ? `No cell type is known of the studies that measure ${current}` : 'None of these genes is measured'}>Name the cell types of a study in an annotation called ‘cell type’, or group the cells by another annotation.</Empty></div>
      ) : (
        <Across gene={current} busy={busy} all={found.cells} species={species} by={by} onOpen={open} />
      )}
    </>
  );
}

interface AcrossProps {
  gene: string;
  busy: boolean;
  all: AcrossCell[];
  species: string;
  by: string;
  onOpen: (studyId: string, datasetId: string) => void;
}

function Across(props: AcrossProps) {
  const { all, gene, onOpen } = props;
  const grid = useMemo(() => acrossGrid(all, gene), [all, gene]);
  return (
    <div className="card across">
      <AcrossFigure {...props} grid={grid} />
      <AcrossTable cells={grid.cells} onOpen={onOpen} />
    </div>
  );
}

function AcrossFigure({ grid, gene, busy, all, species, by, onOpen }: AcrossProps & { grid: AcrossGrid }) {
  const draw = useCallback((ink: Ink, width: number) => drawAcross(grid, gene, ink, width), [grid, gene]);
  const csv = () => toCsv(['gene', 'study_id', 'study', 'cell_type', 'sum', 'mean', 'rate', 'count', 'total'], all.map((c) => [c.gene, c.studyId, c.study, c.cellType, c.sum, c.count ? c.sum / c.count : 0, c.count / c.total, c.count, c.total]));
  const code = `import cytosol\n\nclient = cytosol.Client(${literal(serverUrl())}, token="...")\nfound = client.expression(${literal([...new Set(all.map((c) => c.gene))])}, species=${literal(species)}, group_by=${literal(by)})\nprint(found)\n`;
  const pick = (id: string) => {
    const [kind, studyId, datasetId] = id.split(' ');
    if (kind === 'study') navigate(`studies/${studyId}`);
    else onOpen(studyId, datasetId);
  };
  return (
    <Figure
      title={`${gene} in the cells of ${plural(grid.studies.length, 'study', 'studies')}`}
      lines={[`${plural(grid.types.length, 'cell type')}, mean of ln(1 + counts per 10,000) over the cells that express it`]}
      name={`${gene} across studies`}
      label={`Dots for ${grid.studies.length} studies and ${grid.types.length} cell types: share of cells that express ${gene}, and their mean`}
      draw={draw}
      csv={csv}
      code={code}
      busy={busy}
      onPick={pick}
      help={
        <>
          <p>A dot is one cell type of one study. Its area is the share of cells in which the gene was seen, its colour the mean of those cells.</p>
          <p>No dot: the study has no such cells, or did not measure the gene. Studies differ in depth; compare cell types within a study first. A click opens the study.</p>
        </>
      }
    />
  );
}
