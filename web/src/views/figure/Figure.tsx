/** The frame of every figure: its title, what it shows, files of it, its numbers, and the Python code that makes it. */

import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { ON_DARK, ON_PAPER, titled, type Ink, type Scene } from '../../render/figure/scene';
import { saveBlob } from '../../render/figure/save';
import { toSvg } from '../../render/figure/svg';
import { tell, tellError } from '../../state/notices';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Button } from '../controls';
import { Dialog, Popover } from '../overlays';
import { SceneView } from './SceneView';

const PNG_RATIO = 2;

export interface FigureProps {
  title: string;
  /** What is shown of what, in a line or two: 'PBMC 8k, 2,700 cells', 'log-normalised, ln(1 + counts per 10,000)'. */
  lines: string[];
  /** Begins the names of its files. */
  name: string;
  /** Draws it; called for the page with its colours and room, and for files with colours for paper. */
  draw: (ink: Ink, width: number, height: number) => Scene;
  /** All that it shows, for those who do not see it. */
  label: string;
  /** Its numbers as CSV. */
  csv: () => string;
  /** Python that gives the same numbers. */
  code: string;
  /** How to read it. */
  help?: ReactNode;
  busy?: boolean;
  onPick?: (id: string) => void;
  /** What the page shows instead, where it is not drawn from marks; `draw` is then for files only. */
  children?: ReactNode;
}

export function Figure(props: FigureProps) {
  const { title, lines, draw, label, help, busy, onPick, children } = props;
  const isOwn = children !== undefined;
  const [size, setSize] = useState<{ width: number; height: number } | null>(null);
  const onDark = useStore(shownTheme) === 'dark';
  const watch = useCallback((element: HTMLDivElement | null) => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      if (width > 2) setSize({ width: Math.floor(width), height: Math.floor(height) });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const scene = useMemo(() => (size && !isOwn ? draw(onDark ? ON_DARK : ON_PAPER, size.width, size.height) : null), [draw, size, onDark, isOwn]);
  return (
    <section className="figure" aria-label={title} aria-busy={busy}>
      <header>
        <div className="grow">
          <h2 className="cut">{title}</h2>
          <p className="small muted">{lines.join(' · ')}</p>
        </div>
        {help && <Popover label="How to read this figure" icon="help" small look="plain">{() => <div className="stack figure-help">{help}</div>}</Popover>}
        <FigureMenu {...props} size={size} />
      </header>
      <div className="figure-room" ref={watch} tabIndex={isOwn ? undefined : 0} role="group" aria-label={`${title}, figure`}>
        {busy && <div className="loading" role="status" aria-label="Loading values" />}
        {children}
        {scene && <SceneView scene={scene} label={label} onPick={onPick} />}
      </div>
    </section>
  );
}

function FigureMenu(props: FigureProps & { size: { width: number; height: number } | null }) {
  const [showsCode, setShowsCode] = useState(false);
  const { size, draw, title, lines, name, csv } = props;
  const scene = useCallback(() => titled(draw(ON_PAPER, size?.width ?? 800, size?.height ?? 500), title, lines, ON_PAPER), [draw, size, title, lines]);
  const save = (ending: string, make: () => Promise<Blob> | Blob) => {
    const run = async () => saveBlob(await make(), `${name}.${ending}`);
    run().catch(tellError);
  };
  const files: [string, string, () => Promise<Blob> | Blob][] = [
    ['png', 'PNG picture', async () => (await import('../../render/figure/png')).toPng(scene(), PNG_RATIO)],
    ['svg', 'SVG drawing', () => new Blob([toSvg(scene())], { type: 'image/svg+xml' })],
    ['pdf', 'PDF page', async () => new Blob([await (await import('../../render/figure/pdf')).toPdf(scene())], { type: 'application/pdf' })],
    ['csv', 'Numbers (CSV)', () => new Blob([csv()], { type: 'text/csv' })],
  ];
  return (
    <>
      <Popover label="Save or copy this figure" icon="download" text="Save" small menu>
        {(close) => (
          <>
            {files.map(([ending, text, make]) => (
              <Button key={ending} look="plain" small onClick={() => { close(); save(ending, make); }}>{text}</Button>
            ))}
          </>
        )}
      </Popover>
      <Button small icon="code" onClick={() => setShowsCode(true)}>Code</Button>
      {showsCode && <CodeDialog code={props.code} onClose={() => setShowsCode(false)} />}
    </>
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
