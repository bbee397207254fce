/** What a table of samples that was taken in has changed. */

import type { SampleReport } from '../../api/types';
import { plural } from '../../data/words';
import { tell } from '../../state/notices';

export function tellReport(report: SampleReport): void {
  const n = Array.isArray(report.attributes) ? report.attributes.length : report.attributes;
  tell(`${plural(report.created, 'sample')} added, ${report.updated} changed, ${plural(n, 'attribute')} added`);
}
