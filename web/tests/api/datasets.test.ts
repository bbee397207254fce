import { expect, it } from 'vitest';
import { nameList } from '../../src/api/datasets';

it('escapes commas and backslashes within names', () => {
  expect(nameList(['CD3E'])).toBe('CD3E');
  expect(nameList(['a', 'b'])).toBe('a,b');
  expect(nameList(['T cells, CD4', 'back\\slash'])).toBe('T cells\\, CD4,back\\\\slash');
});
