/** Asks for the markers of an annotation. */

import { useState } from 'react';
import { createAnalysis } from '../../../api/datasets';
import type { Dataset, TableRecord } from '../../../api/types';
import { tell, tellError } from '../../../state/notices';
import { keys, refresh } from '../../../state/queries';
import { Button } from '../../../views/controls';

export function FindMarkers({ dataset, table, column }: { dataset: Dataset; table: TableRecord; column: string }) {
  const [asked, setAsked] = useState('');
  const find = () => {
    setAsked(column);
    createAnalysis(dataset.id, table.name, { analysis: 'markers', parameters: { column } }).then(
      () => {
        tell(`The markers of ‘${column}’ are being found; they appear here when they are there`);
        void refresh(keys.jobs);
      },
      (error: unknown) => {
        setAsked('');
        tellError(error);
      },
    );
  };
  return <Button look="primary" disabled={asked === column} onClick={find}>Find markers of {column}</Button>;
}
