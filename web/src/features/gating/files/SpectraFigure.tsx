/** The spectra of the reference controls: a line for each dye over the detectors, drawn by the server. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { drawSpectra, type ReferencesWish } from '../../../api/matrices';
import { saveBlob } from '../../../render/figure/save';
import { tellError } from '../../../state/notices';
import { useStore } from '../../../state/store';
import { shownTheme } from '../../../state/theme';
import { Button } from '../../../views/controls';
import { Popover } from '../../../views/overlays';
import { ErrorNote } from '../../../views/states';

const [WIDTH, LEAST_HEIGHT, LINE] = [760, 320, 16];
const FORMATS = [['png', 'PNG picture'], ['svg', 'SVG drawing'], ['pdf', 'PDF page']] as const;

/** Names of many dyes need room below each other. */
const heightFor = (nDyes: number) => Math.max(LEAST_HEIGHT, 40 + LINE * nDyes);

const dataUrl = (blob: Blob) =>
  new Promise<string>((take, refuse) => {
    const reader = new FileReader();
    reader.onload = () => take(String(reader.result));
    reader.onerror = () => refuse(reader.error ?? new Error('The picture could not be read'));
    reader.readAsDataURL(blob);
  });

export function SpectraFigure({ studyId, studyName, wish }: { studyId: string; studyName: string; wish: ReferencesWish }) {
  const dark = useStore(shownTheme) === 'dark';
  const size = { width: WIDTH, height: heightFor(wish.controls.length) };
  const query = useQuery<string>({
    queryKey: ['spectra', studyId, wish, dark],
    // twice as fine as it is shown: sharp on all screens
    queryFn: ({ signal }) => drawSpectra(studyId, { ...wish, format: 'png', width: 2 * size.width, height: 2 * size.height, dpi: 192, dark }, signal).then(dataUrl),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const save = (format: 'png' | 'svg' | 'pdf') => drawSpectra(studyId, { ...wish, format, ...size }).then((blob) => saveBlob(blob, `${studyName}, spectra.${format}`), tellError);
  const names = wish.controls.map((c) => c.dye || c.channel).join(', ');
  if (query.error) return <ErrorNote error={query.error} />;
  return (
    <figure className="spectra" aria-label="Spectra" aria-busy={query.isFetching}>
      <figcaption className="row">
        <span className="grow small muted">The spectrum of each dye, its brightest detector as 1. A dye that looks like another cannot be told from it; a second peak where no dye should be tells of a wrong control.</span>
        <Popover label="Save the spectra" text="Save" icon="download" small menu>
          {(close) => FORMATS.map(([format, title]) => <Button key={format} small look="plain" onClick={() => { close(); void save(format); }}>{title}</Button>)}
        </Popover>
      </figcaption>
      {query.data && <img src={query.data} width={size.width} alt={`Spectra of ${names} over ${wish.detectors.length} detectors`} />}
    </figure>
  );
}
