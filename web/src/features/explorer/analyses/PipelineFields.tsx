/** The parameters of the way from counts to clusters, folded away: the defaults serve most. */

import { useState } from 'react';
import type { Parameter } from '../../../api/types';
import { fieldFault, initialValues, toParameters, type FormValues } from '../../../data/forms';
import { useAnalyses } from '../../../state/queries';
import { ParameterFields } from './ParameterFields';

const OFFERS = { columns: [], attributes: [], embeddings: [], geneSets: [] };

export interface PipelineForm {
  parameters: Parameter[];
  values: FormValues;
  /** Whether a field cannot be sent as it stands. */
  faulty: boolean;
  /** What is sent: only what differs from the defaults. */
  wish: Record<string, unknown>;
  onChange: (values: FormValues) => void;
}

export function usePipelineForm(): PipelineForm {
  const parameters = useAnalyses().data?.find((analysis) => analysis.name === 'pipeline')?.parameters ?? [];
  const [changed, onChange] = useState<FormValues>({});
  const values = { ...initialValues(parameters), ...changed };
  return { parameters, values, faulty: parameters.some((p) => fieldFault(p, values[p.name])), wish: toParameters(parameters, values), onChange };
}

export function PipelineFields({ form }: { form: PipelineForm }) {
  if (form.parameters.length === 0) return null;
  const n = Object.keys(form.wish).length;
  return (
    <details>
      <summary>Settings of the analysis{n > 0 && <span className="muted"> · {n} changed</span>}</summary>
      <div style={{ marginTop: 8 }}>
        <ParameterFields parameters={form.parameters} values={form.values} offers={OFFERS} onChange={form.onChange} />
      </div>
    </details>
  );
}
