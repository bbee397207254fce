/** Genes and their expression over all studies. */

import { useQuery } from '@tanstack/react-query';
import { getExpression, searchGenes } from '../api/across';
import { acrossCells, bestGenes } from '../data/across';
import { decodeFrame, type Frame } from '../data/frames';

export const useGeneSearch = (species: string, search: string) =>
  useQuery({
    queryKey: ['genes', species, search],
    queryFn: async ({ signal }) => bestGenes(await searchGenes(species, search, signal), search, 30),
    enabled: search.trim() !== '',
    placeholderData: (before) => before,
    staleTime: 60_000,
  });

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** What the names were taken for: symbols by what was asked; lost ones are measured in no study. */
function namesOf(frame: Frame) {
  const ambiguous = (frame.fact('gene', 'ambiguous') ?? {}) as Record<string, unknown>;
  return {
    named: (frame.fact('gene', 'named') ?? {}) as Record<string, string>,
    lost: texts(frame.fact('gene', 'lost')),
    ambiguous: Object.entries(ambiguous).map(([name, symbols]) => ({ name, symbols: texts(symbols) })),
  };
}

export const useExpression = (genes: string[], species: string, groupBy: string) =>
  useQuery({
    queryKey: ['expression', species, groupBy, genes],
    queryFn: async ({ signal }) => {
      const frame = decodeFrame(await getExpression({ genes, species, group_by: groupBy }, signal));
      return { cells: acrossCells(frame), ...namesOf(frame) };
    },
    enabled: genes.length > 0,
    placeholderData: (before) => before,
    structuralSharing: false,
  });
