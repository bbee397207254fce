/** What the parts of the workspace share: the files, which file and population are open, gates, scales, counts. */

import { useMemo, useState } from 'react';
import type { Channel } from '../../api/cytometry';
import type { Compensation, CountRow, Gate, Population, ScaleJson, ScaleSet, TreeJson } from '../../api/gating';
import type { AnnotatedFile } from '../../api/annotations';
import type { Attribute, Dataset, Sample, Study, TableRecord } from '../../api/types';
import { channelChoices, tableChoices, type AxisChoice } from '../../data/gating/axes';
import { propertiesOf, type Property } from '../../data/gating/properties';
import { scaleOf, type Scale } from '../../data/gating/scales';
import { fingerprint, gatesFor, namedBy, treeRows, type TreeRow } from '../../data/gating/tree';
import { embeddingTitle } from '../../data/words';
import { layoutStore, type GatingLayout } from '../../state/gating/layout';
import { nudgeStore, withNudge } from '../../state/gating/actions';
import { useAnnotatedFiles, useCompensations, useCounts, useGates, usePopulations, useScales, type EventSource } from '../../state/gating/queries';
import { useDatasets, useSamples } from '../../state/queries';
import { useStore } from '../../state/store';
import { useViewState } from '../../state/viewState';

/** A table that is gated: a file of cytometry, the genes of a run. */
export interface GatedFile {
  key: string;
  name: string;
  dataset: Dataset;
  table: TableRecord;
  panel: Channel[];
  /** '' = none. */
  sample: string;
  /** What is said about it and about its sample, by name. */
  annotations: Record<string, string | number>;
}

const NO_GATES: Gate[] = [];
const NO_POPULATIONS: Population[] = [];
const NO_COMPENSATIONS: Compensation[] = [];

/** Short for what a long text says. */
function digest(text: string): string {
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

export function filesOf(datasets: Dataset[], samples: Sample[] = [], annotated: AnnotatedFile[] = []): GatedFile[] {
  return datasets.flatMap((dataset) => {
    const sample = samples.find((s) => s.id === dataset.sample_id);
    const said = [...Object.entries(sample?.values ?? {}), ...(annotated.find((f) => f.id === dataset.id)?.annotations ?? []).map(({ name, value }) => [name, value] as const)];
    const annotations = Object.fromEntries(said.filter(([, value]) => value != null && value !== '').map(([name, value]) => [name, typeof value === 'number' ? value : String(value)]));
    return dataset.tables.map((table) => ({
      key: `${dataset.id}/${table.name}`,
      name: dataset.tables.length > 1 ? `${dataset.name}, ${table.name}` : dataset.name,
      dataset,
      table,
      panel: (dataset.panel ?? []).map((c) => ({ ...c, reagent: c.reagent ?? '' })),
      sample: sample?.name ?? '',
      annotations,
    }));
  });
}

const NO_ATTRIBUTES: Attribute[] = [];

/** Samples with their values by the names of attributes in place of their ids. */
const withNames = (samples: Sample[], attributes: Attribute[]): Sample[] =>
  samples.map((sample) => ({ ...sample, values: Object.fromEntries(attributes.map(({ id, name }) => [name, sample.values[id] ?? null])) }));

export const VIEW_NAMES = ['plots', 'gallery', 'statistics', 'heatmap', 'boxes', 'analyses', 'compensation', 'files'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

const INITIAL = { view: 'plots', file: '', population: '' };
/** What the browser's back button leads back from. */
const STEPS = ['view', 'population'] as const;

export interface GatingState {
  study: Study;
  mayEdit: boolean;
  files: GatedFile[];
  /** Names of what is said about any of them, in the order of the study. */
  attributes: string[];
  /** What is said about files, and about samples, with all its values. */
  properties: Property[];
  file: GatedFile | null;
  view: ViewName;
  /** 'All events' of cytometry, 'All cells' of other tables. */
  allName: string;
  /** null = all events. */
  population: Population | null;
  go: (to: Partial<typeof INITIAL>) => void;
  gates: Gate[];
  /** Those that hold for the file that is open. */
  gatesHere: Gate[];
  populations: Population[];
  rows: TreeRow<Population>[];
  scaleSet: ScaleSet | null;
  scales: Record<string, ScaleJson>;
  scaleFor: (reference: string) => Scale;
  /** Scales that are being tried, over those of the study. */
  draftScales: Record<string, ScaleJson>;
  setDraftScales: (drafts: Record<string, ScaleJson>) => void;
  compensations: Compensation[];
  choices: AxisChoice[];
  counts: Map<string, CountRow>;
  layout: GatingLayout;
  change: (part: Partial<GatingLayout>) => void;
  /** Where the events of a population of a file are asked, with what they depend on. */
  sourceOf: (file: GatedFile, population: Population | null) => EventSource;
  /** Changes with anything that counts depend on. */
  token: string;
  isLoading: boolean;
  error: unknown;
}

export function useGating(study: Study): GatingState {
  const datasets = useDatasets(study.id);
  const gatesQuery = useGates(study.id);
  const populationsQuery = usePopulations(study.id);
  const scalesQuery = useScales(study.id);
  const compensations = useCompensations(study.id).data ?? NO_COMPENSATIONS;
  const store = layoutStore(study.id);
  const layout = useStore(store);
  const [place, go] = useViewState('gating', INITIAL, STEPS);
  const [draftScales, setDraftScales] = useState<Record<string, ScaleJson>>({});
  const table = useSamples(study.id).data;
  const annotated = useAnnotatedFiles(study.id, datasets.data?.some((d) => d.panel?.length) ?? false).data;
  const named = table?.attributes ?? NO_ATTRIBUTES;
  const samples = useMemo(() => withNames(table?.samples ?? [], named), [table, named]);
  const files = useMemo(() => filesOf(datasets.data ?? [], samples, annotated), [datasets.data, samples, annotated]);
  const attributes = useMemo(() => named.map((a) => a.name).filter((name) => files.some((f) => name in f.annotations)), [named, files]);
  const properties = useMemo(() => propertiesOf(named.map((a) => a.name), samples, annotated ?? []), [named, samples, annotated]);
  const file = files.find((f) => f.key === place.file) ?? files[0] ?? null;
  const nudge = useStore(nudgeStore);
  const gates = gatesQuery.data ?? NO_GATES;
  const populations = populationsQuery.data ?? NO_POPULATIONS;
  const gatesHere = useMemo(() => (file ? withNudge(gatesFor(gates, file.dataset.id), nudge, file.dataset.id) : NO_GATES), [gates, file, nudge]);
  const rows = useMemo(() => treeRows(populations), [populations]);
  const scaleSet = scalesQuery.data ?? null;
  const scales = useMemo(() => ({ ...scaleSet?.scales, ...draftScales }), [scaleSet, draftScales]);
  const made = useMemo(() => new Map(Object.entries(scales).map(([reference, json]) => [reference, scaleOf(json)])), [scales]);
  const population = populations.find((p) => p.id === place.population) ?? null;
  const scaleVersion = scaleSet?.version ?? 0;
  // populations of annotations are others where these are
  const said = useMemo(() => digest(JSON.stringify([samples, annotated, datasets.data?.map((d) => [d.sample_id, d.tables.map((t) => t.columns.map((c) => [c.name, c.version]))])])), [samples, annotated, datasets.data]);
  const saidTo = (...trees: TreeJson[]) => (trees.some((tree) => namedBy(tree).columns.length) ? said : '');
  const saidToAny = saidTo(...populations.map((p) => p.tree));
  const token = useMemo(
    () => digest(JSON.stringify([gates.map((g) => [g.id, g.version]), populations.map((p) => [p.id, p.version]), compensations.map((c) => [c.id, c.version]), scaleVersion, saidToAny])),
    [gates, populations, compensations, scaleVersion, saidToAny],
  );
  const matrices = useMemo(() => Object.fromEntries(compensations.map((c) => [c.id, c.version])), [compensations]);
  const countsQuery = useCounts(study.id, file ? [file.dataset.id] : [], file?.table.name ?? '', layout.compensation, token);
  // what is kept from before while the answer is on its way may be of another file
  const counts = useMemo(
    () => new Map((countsQuery.data ?? []).filter((row) => row.dataset_id === file?.dataset.id).map((row) => [row.population_id ?? '', row])),
    [countsQuery.data, file],
  );
  return {
    study,
    mayEdit: study.permissions.includes('gate.edit'),
    files,
    attributes,
    properties,
    file,
    allName: file && file.panel.length === 0 ? 'All cells' : 'All events',
    view: VIEW_NAMES.find((name) => name === place.view) ?? 'plots',
    population,
    go,
    gates,
    gatesHere,
    populations,
    rows,
    scaleSet,
    scales,
    scaleFor: (reference) => made.get(reference) ?? scaleOf(null),
    draftScales,
    setDraftScales,
    compensations,
    choices: useMemo(() => (file ? [...channelChoices(file.panel), ...tableChoices(file.table, embeddingTitle)] : []), [file]),
    counts,
    layout,
    change: (part) => store.set((now) => ({ ...now, ...part })),
    sourceOf: (of, p) => ({
      dataset: of.dataset.id,
      table: of.table.name,
      version: of.dataset.data_version,
      token: p ? digest(`${fingerprint(p, gatesFor(gates, of.dataset.id))} ${scaleVersion} ${saidTo(p.tree)}`) : '',
      compensation: of.dataset.compensation ?? '',
      matrices,
    }),
    token,
    isLoading: datasets.isPending || gatesQuery.isPending || populationsQuery.isPending || scalesQuery.isPending,
    error: datasets.error ?? gatesQuery.error ?? populationsQuery.error ?? scalesQuery.error,
  };
}
