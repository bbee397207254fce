/** Adding files of events: each becomes a dataset of its own, and one that cannot be read holds none of the others up. */

import { submitDataset } from '../../api/datasets';
import { addEventFile } from '../../api/fileNames';
import type { FileRef } from '../../api/types';
import { plural } from '../../data/words';
import { tell, tellError } from '../../state/notices';
import { clearUploads, refuseUpload } from '../../state/uploads';
import { navigate } from '../../state/route';

export interface GivenFile {
  name: string;
  ref: FileRef | null;
  /** Of the upload; none where the file lies on a storage. */
  key?: number;
  holdsEvents: boolean;
}

const addOne = async (studyId: string, { name, ref }: GivenFile) => {
  if (!ref) return;
  if ('upload_id' in ref) return addEventFile(studyId, ref.upload_id);
  const base = name.split('/').pop() ?? name;
  return submitDataset(studyId, { name: base, batches: [{ name: base, files: { matrix: ref } }] });
};

/** Add them one after another; those that are refused stay in the list of uploads with the reason. Whether all went well. */
export async function addEvents(studyId: string, files: GivenFile[]): Promise<boolean> {
  let added = 0;
  for (const file of files) {
    try {
      await addOne(studyId, file);
      added++;
      if (file.key !== undefined) clearUploads([file.key]);
    } catch (error) {
      if (file.key === undefined) tellError(error);
      else refuseUpload(file.key, error);
    }
  }
  if (added && files.some((file) => file.key === undefined)) tell('The data is being read; follow it under Jobs');
  else if (added) tell(`${plural(added, 'file')} added`, { label: 'See plots', run: () => navigate(`studies/${studyId}/gating`) });
  return added === files.length;
}
