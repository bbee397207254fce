import { describe, expect, it } from 'vitest';
import { eventsQuery, NO_SOURCE } from '../../src/state/gating/queries';

describe('events that are drawn', () => {
  const source = { ...NO_SOURCE, dataset: 'd', table: 'events', compensation: 'm1', matrices: { m1: 1, m2: 1 } };
  const asked = (compensation: string) => ({ axes: ['var:B530-A'], population: null, compensation, n: 10 });
  const key = (of: typeof source, compensation: string) => JSON.stringify(eventsQuery(of, asked(compensation)).queryKey);

  it('are asked for anew where the file is given another matrix, or its matrix is edited', () => {
    const before = key(source, 'own');
    expect(key({ ...source, compensation: 'm2' }, 'own')).not.toBe(before);
    expect(key({ ...source, matrices: { m1: 2, m2: 1 } }, 'own')).not.toBe(before);
    expect(key({ ...source, matrices: { m1: 1, m2: 2 } }, 'own')).toBe(before);
  });
  it('as measured, or by another matrix, stay as they are', () => {
    const changed = { ...source, compensation: 'm2', matrices: { m1: 2, m2: 1 } };
    expect(key(changed, 'none')).toBe(key(source, 'none'));
    expect(key(changed, 'm2')).toBe(key(source, 'm2'));
    expect(key(changed, 'm1')).not.toBe(key(source, 'm1'));
  });
});
