/** The explorer of a table: its views, one beside the other if wanted. */

import type { Study } from '../../api/types';
import { useDataset } from '../../state/queries';
import { Empty, Loaded } from '../../views/states';
import { Frame } from './Frame';

interface Props {
  study: Study;
  datasetId: string;
  tableName: string;
}

export default function Explorer({ study, datasetId, tableName }: Props) {
  const query = useDataset(datasetId);
  return (
    <Loaded query={query} rows={8}>
      {(dataset) => {
        const table = dataset.tables.find((t) => t.name === tableName);
        if (table) return <Frame study={study} dataset={dataset} table={table} />;
        return (
          <Empty title={dataset.state === 'staging' ? 'This data is still being read' : `There is no table ‘${tableName}’`}>
            {dataset.state === 'staging' ? 'Follow its job in the line below; the plot opens here when it is done.' : 'Choose another table in the tree.'}
          </Empty>
        );
      }}
    </Loaded>
  );
}
