/** Files of the study: panels, names and annotations, exchange with other programs, unmixing, attachments. */

import { channelsKey } from '../../../data/gating/panels';
import { count } from '../../../data/words';
import { useViewState } from '../../../state/viewState';
import { Segments } from '../../../views/controls';
import { Empty } from '../../../views/states';
import type { GatingState } from '../useGating';
import { AttachmentsView } from './AttachmentsView';
import { DeriveView } from './DeriveView';
import { ExchangeView } from './ExchangeView';
import { FileDetails } from './FileDetails';
import { NamesView } from './NamesView';
import { PanelView } from './PanelView';
import { UnmixView } from './UnmixView';
import { ZipMenu } from './ZipMenu';

const PARTS = [
  { value: 'panel', label: 'Panels' },
  { value: 'names', label: 'Names and annotations' },
  { value: 'exchange', label: 'Gates in and out' },
  { value: 'derive', label: 'New files' },
  { value: 'unmix', label: 'Unmixing' },
  { value: 'attachments', label: 'Attachments and lock' },
] as const;
type Part = (typeof PARTS)[number]['value'];

export function FilesView({ state }: { state: GatingState }) {
  const { file } = state;
  const [view, change] = useViewState('files', { part: 'panel' });
  if (!file) return null;
  const part = PARTS.find((p) => p.value === view.part)?.value ?? 'panel';
  const noPanel = <Empty title={`‘${file.name}’ is no file of cytometry`}>Its {count(file.table.n_features)} features are its axes; there is no panel to edit and there are no keywords.</Empty>;
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Files and panel">
        <Segments<Part> label="What is shown of the files" value={part} options={[...PARTS]} onChange={(next) => change({ part: next })} />
        <span className="grow" />
        {file.panel.length > 0 && <ZipMenu state={state} />}
      </div>
      <div className="files-room">
        {part === 'panel' && (file.panel.length ? (
          <div className="files-view">
            <PanelView key={`${file.key} ${file.dataset.version}`} state={state} file={file} />
            <FileDetails state={state} file={file} />
          </div>
        ) : noPanel)}
        {part === 'names' && (file.panel.length ? <NamesView state={state} /> : noPanel)}
        {part === 'exchange' && <ExchangeView state={state} />}
        {part === 'derive' && (file.panel.length ? <DeriveView state={state} file={file} /> : noPanel)}
        {part === 'unmix' && (file.panel.length ? <UnmixView key={channelsKey(file.panel)} state={state} file={file} /> : noPanel)}
        {part === 'attachments' && <AttachmentsView state={state} />}
      </div>
    </>
  );
}
