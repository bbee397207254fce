/** Formulas over statistics, one a line; each is a column of the table. */

import { useRef, useState } from 'react';
import { Button } from '../../../views/controls';
import { readFormulas, type LineProblem } from './asked';

const EXAMPLE = 'CD4 to CD8 = median(CD4) / median(CD8)\nT cells of all = percent(T cells, total)';

interface Props {
  text: string;
  onUse: (text: string) => void;
  /** What the server refused of `text`. */
  refused: LineProblem | null;
}

export function FormulasPanel({ text, onUse, refused }: Props) {
  const [draft, setDraft] = useState(text);
  const [checked, setChecked] = useState(text);
  const ref = useRef<HTMLTextAreaElement>(null);
  // a draft that is not used yet has only the problems that were found when it was to be used
  const problems = draft === text && refused ? [refused] : draft === checked ? readFormulas(draft).problems : [];
  const lines = draft.split('\n');
  const use = () => {
    setChecked(draft);
    if (readFormulas(draft).problems.length === 0) onUse(draft);
  };
  const goTo = ({ line, at }: LineProblem) => {
    const start = lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0);
    ref.current?.focus();
    ref.current?.setSelectionRange(start + (at ?? 0), start + (at === null ? lines[line].length : at + 1));
  };
  return (
    <section className="stack tight" aria-label="Formulas">
      <div className="formula-lines">
        <ol className="mono" aria-hidden="true">
          {lines.map((_, i) => <li key={i} className={problems.some((p) => p.line === i) ? 'wrong' : ''}>{i + 1}</li>)}
        </ol>
        <textarea
          ref={ref}
          className="input mono"
          aria-label="Formulas, one a line"
          aria-describedby="formulas-help"
          aria-invalid={problems.length > 0}
          wrap="off"
          spellCheck={false}
          rows={Math.min(12, Math.max(3, lines.length))}
          placeholder={EXAMPLE}
          value={draft}
          onChange={(e) => setDraft(e.target.value)}
          onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); use(); } }}
        />
      </div>
      {problems.map((problem) => (
        <div key={problem.line} className="error row" role="alert">
          <Button small onClick={() => goTo(problem)}>Line {problem.line + 1}</Button>
          <span className="grow">{problem.text}</span>
        </div>
      ))}
      <p className="small muted" id="formulas-help">
        Name = formula, of numbers, + − * / and parentheses, log10, log2, abs, min, max, and of statistics such as <code>median(CD4)</code>, <code>quantile(CD4, 0.9)</code>, <code>event_count</code> or <code>percent(T cells, total)</code>; the population comes last, and is that of the row where it is left out.
      </p>
      <div className="row">
        <Button small look="primary" title="Use formulas (Ctrl+Enter)" disabled={draft === text} onClick={use}>Use formulas</Button>
        {text && <Button small look="plain" onClick={() => { setDraft(''); setChecked(''); onUse(''); }}>Remove all</Button>}
      </div>
    </section>
  );
}
