/** Files of a figure, its numbers, and the Python code that makes it. */

import { useEffect, useState } from 'react';
import { ON_PAPER, titled, type Ink, type Scene } from '../../render/figure/scene';
import { saveBlob } from '../../render/figure/save';
import { lacksLetters } from '../../render/figure/letters';
import { toSvg } from '../../render/figure/svg';
import { tell, tellError } from '../../state/notices';
import { Button } from '../controls';
import { Dialog, Popover } from '../overlays';

const PNG_RATIO = 2;

interface Props {
  title: string;
  lines: string[];
  /** Begins the names of the files. */
  name: string;
  /** Draws it, without title, with the colours that are given. */
  draw: (ink: Ink) => Scene;
  csv: () => string | Promise<string>;
  code: string;
  /** What to know of its files; asked for when the menu opens. */
  note?: () => string;
  /** What is written in it. */
  names?: string[];
  /** Icons only. */
  compact?: boolean;
}

export function FigureMenu({ title, lines, name, draw, csv, code, note, names = [], compact }: Props) {
  const [showsCode, setShowsCode] = useState(false);
  const scene = () => titled(draw(ON_PAPER), title, lines, ON_PAPER);
  const save = (ending: string, make: () => Promise<Blob> | Blob) => {
    const run = async () => saveBlob(await make(), `${name}.${ending}`);
    run().catch(tellError);
  };
  const files: [string, string, () => Promise<Blob> | Blob][] = [
    ['png', 'PNG picture', async () => (await import('../../render/figure/png')).toPng(scene(), PNG_RATIO)],
    ['svg', 'SVG drawing', () => new Blob([toSvg(scene())], { type: 'image/svg+xml' })],
    ['pdf', 'PDF page', async () => new Blob([await (await import('../../render/figure/pdf')).toPdf(scene())], { type: 'application/pdf' })],
    ['csv', 'Numbers (CSV)', async () => new Blob([await csv()], { type: 'text/csv' })],
  ];
  return (
    <>
      <Popover label="Save" icon="download" text={compact ? undefined : 'Save'} small={!compact} menu>
        {(close) => (
          <>
            {files.map(([ending, text, make]) => (
              <Button key={ending} look="plain" small onClick={() => { close(); save(ending, make); }}>{text}</Button>
            ))}
            <Notes note={note} names={[title, ...lines, ...names]} />
          </>
        )}
      </Popover>
      <Button small={!compact} icon="code" label="Code" onClick={() => setShowsCode(true)}>{compact ? undefined : 'Code'}</Button>
      {showsCode && <CodeDialog code={code} onClose={() => setShowsCode(false)} />}
    </>
  );
}

/** What the files are made of, where that is worth knowing. */
function Notes({ note, names }: { note?: () => string; names: string[] }) {
  // once, when the menu opens: the answer may look at many cells
  const [text] = useState(() => note?.() ?? '');
  const isOdd = names.some(lacksLetters);
  if (!text && !isOdd) return null;
  return (
    <p className="small muted menu-note">
      {text}{isOdd && ' Names in letters that the fonts of PDF lack are pictures in the PDF; they can be searched and copied.'}
    </p>
  );
}

function CodeDialog({ code, onClose }: { code: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  // the clipboard is there on https and localhost only
  const copy = () =>
    (navigator.clipboard?.writeText(code) ?? Promise.reject(new Error('The browser gives no clipboard here: mark the text and copy it'))).then(() => setCopied(true), (error: Error) => tell(error.message));
  return (
    <Dialog title="The same in Python" onClose={onClose} wide>
      <pre className="code" tabIndex={0} aria-label="Python code">{code}</pre>
      <div className="actions">
        <Button look="primary" icon={copied ? 'check' : undefined} onClick={() => void copy()}>{copied ? 'Copied' : 'Copy code'}</Button>
      </div>
    </Dialog>
  );
}
