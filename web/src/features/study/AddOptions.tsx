/** What becomes of the files that are added: name, sample, format, values, embeddings, filters. */

import { useAnalyses, useFormats, useSamples } from '../../state/queries';
import type { FilterTexts } from '../../data/quality';
import { Field } from '../../views/controls';

export interface Form {
  name: string;
  sampleId: string;
  format: string;
  matrix: 'raw' | 'normalized';
  embeddings: 'compute' | 'keep';
  filters: FilterTexts;
}

const FILTERS = [
  { name: 'min_counts', label: 'Least counts per cell', help: 'Cells with fewer molecules counted are left out.' },
  { name: 'max_counts', label: 'Most counts per cell', help: 'Cells with more are left out: they are often two cells in one drop.' },
  { name: 'min_genes', label: 'Least genes per cell', help: 'Cells with fewer genes seen are left out.' },
  { name: 'max_genes', label: 'Most genes per cell', help: 'Cells with more genes seen are left out.' },
  { name: 'max_mito_share', label: 'Most mitochondrial share', help: 'Share from 0 to 1; cells above it are often dying.' },
];

/** Help from the server's registry where it has the parameter, else our own sentence. */
export function useFilterHelp() {
  const analyses = useAnalyses().data ?? [];
  const all = analyses.flatMap((analysis) => analysis.parameters ?? []);
  return FILTERS.map((filter) => {
    const known = all.find((parameter) => parameter.name === filter.name);
    return { ...filter, help: known?.help || filter.help, unit: known?.unit ?? '' };
  });
}


const COLUMNS = { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(220px, 1fr))', gap: 12 };

export function Options({ studyId, form, onChange }: { studyId: string; form: Form; onChange: (form: Form) => void }) {
  const samples = useSamples(studyId).data?.samples ?? [];
  const formats = useFormats().data ?? [];
  const set = (part: Partial<Form>) => onChange({ ...form, ...part });
  return (
    <>
      <div style={COLUMNS}>
        <Field label="Name of the dataset">
          <input className="input" required value={form.name} onChange={(e) => set({ name: e.target.value })} />
        </Field>
        <Field label="Sample">
          <select className="input" value={form.sampleId} onChange={(e) => set({ sampleId: e.target.value })}>
            <option value="">None, or several</option>
            {samples.map((s) => <option key={s.id} value={s.id}>{s.name}</option>)}
          </select>
        </Field>
        <Field label="Format" help="The file’s content tells it; choose only when it is told wrongly.">
          <select className="input" value={form.format} onChange={(e) => set({ format: e.target.value })}>
            <option value="">Found from the file</option>
            {formats.filter((f) => f.reads !== false).map((f) => <option key={f.name} value={f.name}>{f.title}</option>)}
          </select>
        </Field>
        <Field label="Values" help="Raw counts are normalised (log, per 10,000); normalised values are taken as they are.">
          <select className="input" value={form.matrix} onChange={(e) => set({ matrix: e.target.value as Form['matrix'] })}>
            <option value="raw">Raw counts</option>
            <option value="normalized">Already normalised</option>
          </select>
        </Field>
        <Field label="Embeddings" help="Computed here (PCA, t-SNE, UMAP), or those of the file.">
          <select className="input" value={form.embeddings} onChange={(e) => set({ embeddings: e.target.value as Form['embeddings'] })}>
            <option value="compute">Compute</option>
            <option value="keep">Keep those of the file</option>
          </select>
        </Field>
      </div>
    </>
  );
}

/** The limits as plain fields, for who knows them already. */
export function FilterFields({ filters, onFilters }: { filters: FilterTexts; onFilters: (filters: FilterTexts) => void }) {
  const known = useFilterHelp();
  return (
    <details>
      <summary>Filters of cells</summary>
      <div style={{ ...COLUMNS, marginTop: 8 }}>
        {known.map((filter) => (
          <Field key={filter.name} label={filter.unit ? `${filter.label} (${filter.unit})` : filter.label} help={filter.help}>
            <input className="input" type="number" min={0} step="any" placeholder="no limit" value={filters[filter.name] ?? ''} onChange={(e) => onFilters({ ...filters, [filter.name]: e.target.value })} />
          </Field>
        ))}
      </div>
    </details>
  );
}
