/** A number that an analysis takes: its unit, bounds, default and sentence come from the registry. */

import { useState } from 'react';
import type { Parameter } from '../../api/types';
import { useAnalyses } from '../../state/queries';
import { Field } from '../../views/controls';

interface Props {
  analysis: string;
  parameter: string;
  value: number;
  onChange: (value: number) => void;
}

const boundsOf = ({ minimum, maximum }: Parameter) =>
  minimum != null && maximum != null ? `${minimum} to ${maximum}` : minimum != null ? `at least ${minimum}` : maximum != null ? `at most ${maximum}` : '';

export function ParameterField({ analysis, parameter, value, onChange }: Props) {
  const known = useAnalyses().data?.find((a) => a.name === analysis)?.parameters.find((p) => p.name === parameter);
  const [text, setText] = useState(String(value));
  const number = Number(text);
  const fits = text.trim() !== '' && Number.isFinite(number) && (known?.minimum == null || number >= known.minimum) && (known?.maximum == null || number <= known.maximum);
  if (!known) return null;
  const facts = [known.unit, boundsOf(known), `default ${String(known.default)}`].filter(Boolean).join(', ');
  return (
    <Field label={known.title} help={`${known.help}. ${facts[0].toUpperCase()}${facts.slice(1)}.`}>
      <input
        className="input small"
        inputMode="decimal"
        aria-invalid={!fits}
        value={text}
        onChange={(e) => {
          setText(e.target.value);
          const typed = Number(e.target.value);
          const isGood = e.target.value.trim() !== '' && Number.isFinite(typed) && (known.minimum == null || typed >= known.minimum) && (known.maximum == null || typed <= known.maximum);
          if (isGood) onChange(typed);
        }}
      />
    </Field>
  );
}
