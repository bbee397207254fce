/** Many files as one archive. */

import { useState } from 'react';
import { zipFiles, type ZipWish } from '../../../api/fileNames';
import { plural } from '../../../data/words';
import { fileName, saveBlob } from '../../../render/figure/save';
import { tell, tellError } from '../../../state/notices';
import { Button } from '../../../views/controls';
import { Popover } from '../../../views/overlays';
import { populationChoices, TickMenu } from '../choices';
import type { GatingState } from '../useGating';

export function ZipMenu({ state }: { state: GatingState }) {
  return <Popover label="Download files as a ZIP" text="Download ZIP" icon="download" small>{(close) => <Choose state={state} close={close} />}</Popover>;
}

function Choose({ state, close }: { state: GatingState; close: () => void }) {
  const files = state.files.filter((f) => f.panel.length > 0);
  const [ids, setIds] = useState(() => files.filter((f) => !f.dataset.is_control).map((f) => f.dataset.id));
  const [format, setFormat] = useState<ZipWish['format']>('original');
  const [populations, setPopulations] = useState(['']);
  const [compensated, setCompensated] = useState(false);
  const isOriginal = format === 'original';
  const make = () => {
    close();
    tell(`${plural(ids.length, 'file')} ${ids.length === 1 ? 'is' : 'are'} being packed`);
    zipFiles(state.study.id, { dataset_ids: ids, format, populations: isOriginal ? [null] : populations.map((p) => p || null), compensated: !isOriginal && compensated })
      .then((blob) => saveBlob(blob, `${fileName(state.study.name)}.zip`)).catch(tellError);
  };
  return (
    <div className="stack tight" style={{ width: 280 }}>
      <TickMenu label="Files" all={files.map((f) => ({ id: f.dataset.id, label: f.name }))} ticked={ids} onChange={setIds} />
      <label className="field"><span className="label">Written as</span>
        <select className="input small" value={format} onChange={(e) => setFormat(e.target.value as ZipWish['format'])}>
          <option value="original">the files as given</option>
          <option value="fcs">FCS 3.1</option>
          <option value="tsv">TSV</option>
        </select>
      </label>
      {!isOriginal && <TickMenu label="Populations" all={populationChoices(state)} ticked={populations} onChange={setPopulations} />}
      {!isOriginal && <label className="check small"><input type="checkbox" checked={compensated} onChange={(e) => setCompensated(e.target.checked)} /> compensated, as each file says</label>}
      <Button small look="primary" disabled={!ids.length || (!isOriginal && !populations.length)} onClick={make}>Download {plural(ids.length, 'file')}</Button>
    </div>
  );
}
