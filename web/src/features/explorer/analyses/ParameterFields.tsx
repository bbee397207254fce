/** Fields for the parameters of an analysis, as the registry describes them: unit, default, bounds and one sentence each. */

import type { GeneSetRecord } from '../../../api/analysisTypes';
import type { Dataset, Parameter, Study, TableRecord } from '../../../api/types';
import { channelChoices, joinedNames } from '../../../data/gating/axes';
import { boundsText, fieldFault, fieldKind, type FieldValue, type FormValues } from '../../../data/forms';
import { useGeneSets, useSamples } from '../../../state/queries';
import { Field } from '../../../views/controls';
import { GeneList } from '../genes/GeneList';

/** What there is to choose from. */
export interface Offers {
  columns: string[];
  attributes: string[];
  embeddings: string[];
  geneSets: GeneSetRecord[];
  /** By what a parameter names, where the caller knows it, such as the channels of a file. */
  given?: Record<string, { value: string; label: string }[]>;
  /** Where features are searched that nobody listed. */
  place?: { dataset: string; table: string };
}

export function useOffers(study: Study, dataset: Dataset, table: TableRecord): Offers {
  const attributes = useSamples(study.id).data?.attributes ?? [];
  const geneSets = useGeneSets().data ?? [];
  const groups = table.columns.filter((c) => c.kind === 'categorical').map((c) => c.name);
  const others = table.columns.filter((c) => c.kind === 'numeric').map((c) => c.name);
  return {
    columns: [...groups, ...others],
    attributes: ['sample', ...attributes.map((a) => a.name)],
    embeddings: table.embeddings.map((e) => e.name),
    geneSets,
    given: dataset.panel?.length ? { features: channelChoices(dataset.panel.map((c) => ({ ...c, reagent: c.reagent ?? '' }))).map((c) => ({ value: c.reference.slice('var:'.length), label: joinedNames(c) })) } : {},
    place: { dataset: dataset.id, table: table.name },
  };
}

interface Option {
  value: string;
  label: string;
  group: string;
}

function optionsOf(p: Parameter, offers: Offers): Option[] {
  const plain = (names: string[], group = ''): Option[] => names.map((name) => ({ value: name, label: name, group }));
  if (p.choices?.length) return plain(p.choices.map(String));
  const given = offers.given?.[p.names ?? ''];
  if (given) return given.map((o) => ({ ...o, group: '' }));
  if (p.names === 'column') return plain(offers.columns);
  if (p.names === 'attribute') return plain(offers.attributes);
  if (p.names === 'column-or-attribute') return [...plain(offers.columns, 'Annotations of the cells'), ...plain(offers.attributes, 'Attributes of the samples')];
  if (p.names === 'embedding') return plain(offers.embeddings);
  if (p.names === 'gene-sets') return offers.geneSets.map((s) => ({ value: s.id, label: s.name, group: '' }));
  return [];
}

/** Features of a table without channels are too many to list. */
const isSearched = (p: Parameter, offers: Offers) => p.names === 'features' && !offers.given?.features;

interface Props {
  parameters: Parameter[];
  values: FormValues;
  offers: Offers;
  onChange: (values: FormValues) => void;
}

export function ParameterFields({ parameters, values, offers, onChange }: Props) {
  return (
    <div className="parameter-fields">
      {parameters.filter((p) => fieldKind(p) !== 'none').map((p) => (
        <ParameterField key={p.name} parameter={p} value={values[p.name]} options={optionsOf(p, offers)} place={isSearched(p, offers) ? offers.place : undefined} onChange={(value) => onChange({ ...values, [p.name]: value })} />
      ))}
    </div>
  );
}

interface FieldProps {
  parameter: Parameter;
  value: FieldValue | undefined;
  options: Option[];
  place?: Offers['place'];
  onChange: (value: FieldValue) => void;
}

function ParameterField({ parameter: p, value, options, place, onChange }: FieldProps) {
  const kind = fieldKind(p);
  const fault = fieldFault(p, value);
  const bounds = boundsText(p);
  const facts = [p.help, bounds && `${bounds}${p.unit && !p.unit.startsWith('share') ? ` ${p.unit}` : ''}`].filter(Boolean).join('; ');
  const title = p.title.replace(/^N /, 'Number of ');
  const label = p.unit ? `${title} (${p.unit})` : title;
  if (kind === 'switch') {
    return (
      <div className="field">
        <label className="check">
          <input type="checkbox" checked={value === true} onChange={(e) => onChange(e.target.checked)} /> <span className="label">{label}</span>
        </label>
        <span className="help">{facts}.</span>
      </div>
    );
  }
  if (place) {
    const isList = kind === 'names';
    const chosen = Array.isArray(value) ? value : value ? [String(value)] : [];
    return (
      <div className="field" role="group" aria-label={label}>
        <span className="label">{label}</span>
        <GeneList datasetId={place.dataset} tableName={place.table} genes={chosen} noun="feature" onGenes={(next) => onChange(isList ? [...new Set(next)] : (next[next.length - 1] ?? ''))} />
        <span className="help">{facts}.</span>
      </div>
    );
  }
  if (kind === 'choices' || kind === 'names') return <ManyField label={label} help={facts} options={options} value={Array.isArray(value) ? value : []} onChange={onChange} />;
  const text = typeof value === 'string' ? value : '';
  return (
    <Field label={<>{label}{p.required && <span className="muted"> · needed</span>}</>} help={<>{facts}.{fault && text !== '' && <strong className="warn-text"> {fault}.</strong>}</>}>
      {kind === 'choice' || kind === 'name' ? (
        <OneOf text={text} options={options} required={Boolean(p.required) || Boolean(p.choices?.length && p.default)} onChange={onChange} />
      ) : (
        <input className="input" inputMode={kind === 'number' ? 'decimal' : undefined} aria-invalid={fault !== '' && text !== ''} placeholder={p.default === null ? 'no limit' : ''} value={text} onChange={(e) => onChange(e.target.value)} />
      )}
    </Field>
  );
}

function OneOf({ text, options, required, onChange }: { text: string; options: Option[]; required: boolean; onChange: (value: string) => void }) {
  const groups = [...new Set(options.map((o) => o.group))];
  const isKnown = options.some((o) => o.value === text);
  return (
    <select className="input" required={required} value={isKnown ? text : ''} onChange={(e) => onChange(e.target.value)}>
      {!options.some((o) => o.value === '') && (!required || !isKnown) && <option value="">{options.length ? (required ? 'Choose…' : 'None') : 'There is none yet'}</option>}
      {groups.map((group) => {
        const list = options.filter((o) => o.group === group).map((o) => <option key={o.value} value={o.value}>{o.label}</option>);
        return group ? <optgroup key={group} label={group}>{list}</optgroup> : list;
      })}
    </select>
  );
}

function ManyField({ label, help, options, value, onChange }: { label: string; help: string; options: Option[]; value: string[]; onChange: (value: string[]) => void }) {
  const toggle = (name: string) => onChange(value.includes(name) ? value.filter((v) => v !== name) : [...value, name]);
  return (
    <div className="field" role="group" aria-label={label}>
      <span className="label">{label}</span>
      <div className="filter-list boxed">
        {options.length === 0 && <span className="small muted">There is nothing to choose from.</span>}
        {options.map((o) => (
          <label key={`${o.group}/${o.value}`}>
            <input type="checkbox" checked={value.includes(o.value)} onChange={() => toggle(o.value)} /> <span className="cut">{o.label}</span>
          </label>
        ))}
      </div>
      <span className="help">{help}.</span>
    </div>
  );
}
