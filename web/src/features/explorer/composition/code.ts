/** The composition in Python. */

import type { Dataset, Study, TableRecord } from '../../../api/types';
import { literal, maskOf } from '../../../data/python';
import type { Selection } from '../../../data/selections';
import { serverUrl, tableCode } from '../place';
import { ATTRIBUTE } from '../shared';

interface Parts {
  study: Study;
  dataset: Dataset;
  table: TableRecord;
  by: string;
  of: string;
  as: 'share' | 'count';
  /** null = all cells */
  selection: Selection | null;
}

export function compositionCode({ study, dataset, table, by, of, as, selection }: Parts): string {
  const drawn = as === 'share' ? 'shares' : 'counts';
  const end = ['shares = counts.div(counts.sum(axis=1), axis=0)', `axes = ${drawn}.plot.barh(stacked=True)  # needs matplotlib`, ''].join('\n');
  if (!by.startsWith(ATTRIBUTE)) {
    const chosen = selection && maskOf(selection);
    const names = [...new Set([by, of, ...(chosen?.columns ?? [])])];
    const narrowed = chosen ? `obs = obs[${chosen.mask}]\n` : '';
    return `import pandas as pd\n${tableCode(dataset, table)}obs = table.obs(${literal(names)})\n${narrowed}counts = pd.crosstab(obs[${literal(by)}], obs[${literal(of)}])\n${end}`;
  }
  const name = by.slice(ATTRIBUTE.length);
  const group =
    name === 'dataset'
      ? ['    group = dataset.name']
      : ['    sample = samples.loc[names[dataset.sample_id]] if dataset.sample_id else None', `    group = "no value" if sample is None else ${name === 'sample' ? 'sample.name' : `sample[${literal(name)}]`}`];
  return [
    'import cytosol',
    'import pandas as pd',
    '',
    '# a token: in the page under Tokens',
    `client = cytosol.Client(${literal(serverUrl())}, token="...")`,
    `study = client.study(${literal(study.id)})`,
    ...(name === 'dataset' ? [] : ['samples = study.samples()', 'names = study.sample_names()']),
    'parts = []',
    'for dataset in study.datasets():',
    `    tables = [t for t in dataset.tables if t["name"] == ${literal(table.name)}]`,
    `    if not tables or ${literal(of)} not in [c["name"] for c in tables[0]["columns"]]:`,
    '        continue',
    ...group,
    `    obs = dataset.table(${literal(table.name)}).obs([${literal(of)}])`,
    '    parts.append(obs.assign(group=group))',
    'obs = pd.concat(parts)',
    `counts = pd.crosstab(obs["group"], obs[${literal(of)}])`,
    end,
  ].join('\n');
}
