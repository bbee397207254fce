/** What can be done with a plot: another like it, turned, saved as a picture, taken away. */

import { plotUrl } from '../../api/gating';
import type { PlotSpec } from '../../state/gating/layout';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { pasteGate } from './clipboard';
import type { GatingState } from './useGating';

interface Props {
  state: GatingState;
  spec: PlotSpec;
  onSpec: (part: Partial<PlotSpec>) => void;
  /** Left out where plots are not arranged by hand. */
  onCopy?: () => void;
  onRemove?: () => void;
}

const KINDS = { density: 'density', dots: 'dot', contour: 'contour', histogram: 'histogram' } as const;
const FORMATS = [['png', 'PNG picture'], ['svg', 'SVG drawing'], ['pdf', 'PDF page']] as const;

export function PlotMenu({ state, spec, onSpec, onCopy, onRemove }: Props) {
  const { file, population, layout } = state;
  const address = (format: string) =>
    file ? plotUrl(file.dataset.id, file.table.name, { kind: KINDS[spec.mode], x: spec.x, y: spec.mode === 'histogram' ? null : spec.y, population: population?.id ?? null, compensation: layout.compensation, overlays: layout.overlaid.filter((id) => state.populations.some((p) => p.id === id)).map((id) => `/${id}`).join(','), width: layout.size + 80, height: layout.size + 80, format, attachment: 'true' }) : '';
  return (
    <Popover label="Actions for this plot" icon="more" small look="plain" menu>
      {(close) => (
        <>
          {onCopy && <Button look="plain" small onClick={() => { close(); onCopy(); }}>Another like it</Button>}
          {onCopy && spec.mode !== 'histogram' && <Button look="plain" small onClick={() => { close(); onSpec({ x: spec.y, y: spec.x }); }}>Exchange the axes</Button>}
          {state.mayEdit && <Button look="plain" small onClick={() => { close(); void pasteGate(state); }}>Paste gate</Button>}
          {FORMATS.map(([format, title]) => (
            <a key={format} className="button plain small" href={address(format)} download={`${file?.name ?? 'plot'}, ${population?.name ?? state.allName.toLowerCase()}.${format}`} onClick={close}>{title}</a>
          ))}
          {onRemove && <Button look="plain" small icon="close" onClick={() => { close(); onRemove(); }}>Take it off</Button>}
        </>
      )}
    </Popover>
  );
}
