/** The quality of the cells before they are submitted: histograms, limits, and how many cells are kept. */

import { useMemo, useState, type ReactNode } from 'react';
import type { Job } from '../../api/types';
import {
  axisHistogram, countKept, countOutside, filterNumbers, fromAxis, limitText, MEASURES, powerTicks, toAxis, type CellMeasures, type FilterTexts, type Measure, type Scale,
} from '../../data/quality';
import { count, number, plural } from '../../data/words';
import { ticks } from '../../render/figure/parts';
import { useInspection } from '../../state/inspections';
import { Bar, Button, Segments } from '../../views/controls';
import { LimitPlot, type LimitTick } from '../../views/LimitPlot';
import { ErrorNote } from '../../views/states';

interface Props {
  jobId: string | null;
  ready: boolean;
  filters: FilterTexts;
  helps: Record<string, string>;
  onStart: () => Promise<unknown>;
  onFilters: (filters: FilterTexts) => void;
  /** Shown as long as nothing is measured: the limits as plain fields. */
  children: ReactNode;
}

/** Nothing yet, a job that runs, or the histograms. */
export function Quality({ jobId, ready, filters, helps, onStart, onFilters, children }: Props) {
  const { job, cells, error } = useInspection(jobId);
  const [failure, setFailure] = useState<unknown>(null);
  const start = () => {
    setFailure(null);
    onStart().catch(setFailure);
  };
  const trouble = failure ?? error ?? (job?.state === 'failed' ? new Error(job.error?.detail ?? 'The cells could not be measured') : null);
  if (cells) return <Histograms cells={cells} job={job} filters={filters} helps={helps} onFilters={onFilters} />;
  const waits = jobId !== null && !trouble && job?.state !== 'cancelled';
  return (
    <section className="quality" aria-label="Quality of the cells">
      <div className="spread">
        <div className="grow">
          <h2>Quality of the cells</h2>
          <p className="small muted">See counts, genes and mitochondrial share of every cell, and choose which are kept. You can also add the data at once, without filters.</p>
        </div>
        {!waits && <Button disabled={!ready} onClick={start}>Look at the cells</Button>}
      </div>
      {waits && (
        <div className="row">
          <div className="grow"><Bar value={job?.progress ?? 0} label="Measuring the cells" /></div>
          <span className="small muted">{job?.state === 'running' ? job.step || 'Reading' : 'Waits for its turn'}</span>
        </div>
      )}
      <ErrorNote error={trouble} onRetry={trouble ? start : undefined} />
      {children}
    </section>
  );
}

function Histograms({ cells, job, filters, helps, onFilters }: { cells: CellMeasures; job: Job | null; filters: FilterTexts; helps: Record<string, string>; onFilters: (filters: FilterTexts) => void }) {
  const [scale, setScale] = useState<Scale>('log');
  const kept = useMemo(() => countKept(cells, filters), [cells, filters]);
  const noMito = job?.result?.n_mito_features === 0;
  const isFiltered = Object.keys(filterNumbers(filters)).length > 0;
  return (
    <section className="quality" aria-label="Quality of the cells">
      <div className="spread">
        <h2>Quality of the cells</h2>
        <div className="row">
          {isFiltered && <Button small look="plain" onClick={() => onFilters({})}>Keep all</Button>}
          <Segments label="Axis of counts and genes" value={scale} onChange={setScale} options={[{ value: 'linear', label: 'Linear' }, { value: 'log', label: 'Log' }]} />
        </div>
      </div>
      <div className="quality-plots">
        {MEASURES.map((measure) => (
          <MeasurePlot key={measure.name} measure={measure} values={cells[measure.name]} scale={measure.name === 'mito_share' ? 'linear' : scale} filters={filters} helps={helps} onFilters={onFilters} />
        ))}
      </div>
      {noMito && <p className="small muted">No mitochondrial gene is among the genes of these files for the species of the study.</p>}
      <p className="quality-kept" role="status">
        <strong>{count(kept)}</strong> of {plural(cells.n, 'cell')} kept
        {isFiltered && <span className="muted"> · {count(cells.n - kept)} left out</span>}
        {kept === 0 && <span className="warn-text"> · loosen a limit: nothing would be left</span>}
      </p>
    </section>
  );
}

function axisTicks(name: Measure['name'], scale: Scale, high: number): LimitTick[] {
  const most = fromAxis(high, scale);
  const values = scale === 'log' ? powerTicks(most) : ticks(0, most, 4);
  return values.map((v) => ({ at: toAxis(v, scale), text: name === 'mito_share' ? `${number(v * 100)} %` : count(v) }));
}

interface PlotProps {
  measure: Measure;
  values: Float64Array;
  scale: Scale;
  filters: FilterTexts;
  helps: Record<string, string>;
  onFilters: (filters: FilterTexts) => void;
}

function MeasurePlot({ measure, values, scale, filters, helps, onFilters }: PlotProps) {
  const { name, low, high } = measure;
  const histogram = useMemo(() => axisHistogram(values, scale, 80), [values, scale]);
  const limits = filterNumbers(filters);
  const lowest = low === null ? undefined : limits[low];
  const highest = limits[high];
  const [below, above] = useMemo(() => countOutside(values, lowest, highest), [values, lowest, highest]);
  const set = (filter: string, place: number | null) =>
    onFilters({ ...filters, [filter]: place === null ? '' : limitText(name, fromAxis(place, scale)) });
  const say = (v: number) => (name === 'mito_share' ? `${number(v * 100)} %` : `${count(v)} ${measure.unit}`);
  return (
    <div className="quality-plot">
      <div className="spread">
        <strong>{measure.title}</strong>
        <span className="small muted">{measure.unit}</span>
      </div>
      <LimitPlot
        label={measure.title}
        histogram={histogram}
        low={low === null ? null : toAxis(lowest ?? 0, scale)}
        high={highest === undefined ? histogram.high : toAxis(highest, scale)}
        ticks={axisTicks(name, scale, histogram.high)}
        valueText={(place) => say(fromAxis(place, scale))}
        onLow={(place) => low !== null && set(low, place)}
        onHigh={(place) => set(high, place)}
      />
      <div className="row limit-inputs">
        {low !== null && <Limit label={`Least ${measure.title.toLowerCase()}`} help={helps[low]} value={filters[low] ?? ''} onChange={(text) => onFilters({ ...filters, [low]: text })} />}
        <Limit label={`Most ${measure.title.toLowerCase()}`} help={helps[high]} percent={name === 'mito_share'} value={filters[high] ?? ''} onChange={(text) => onFilters({ ...filters, [high]: text })} />
      </div>
      <p className="small muted">{[below && `${count(below)} below`, above && `${count(above)} above`].filter(Boolean).join(', ') || 'none left out by this'}</p>
    </div>
  );
}

interface LimitProps {
  label: string;
  help?: string;
  percent?: boolean;
  value: string;
  onChange: (text: string) => void;
}

/** A number to type; a share is typed in percent. */
function Limit({ label, help, percent, value, onChange }: LimitProps) {
  const shown = percent && value !== '' ? String(Math.round(Number(value) * 1e6) / 1e4) : value;
  return (
    <label className="grow" title={help}>
      <span className="hidden-label">{label}{percent && ', percent'}</span>
      <input className="input small num" type="number" min={0} max={percent ? 100 : undefined} step="any" placeholder={label.startsWith('Least') ? 'no least' : 'no most'} value={shown} onChange={(e) => onChange(percent && e.target.value !== '' ? String(Math.round(Number(e.target.value) * 1e4) / 1e6) : e.target.value)} />
    </label>
  );
}
