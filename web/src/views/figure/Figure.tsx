/** The frame of every figure: its title, what it shows, files of it, its numbers, and the Python code that makes it. */

import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { ON_DARK, ON_PAPER, type Ink, type Scene } from '../../render/figure/scene';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Popover } from '../overlays';
import { FigureMenu } from './FigureMenu';
import { SceneView } from './SceneView';

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
  csv: () => string | Promise<string>;
  /** What to know of its files; asked for when the menu opens. */
  note?: () => string;
  /** What is written in it, where it is not drawn from marks. */
  names?: string[];
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
  const forFiles = (ink: Ink) => draw(ink, size?.width ?? 800, size?.height ?? 500);
  const names = scene?.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : [])) ?? props.names;
  return (
    <section className="figure" aria-label={title} aria-busy={busy}>
      <header>
        <div className="grow">
          <h2 className="cut">{title}</h2>
          <p className="small muted">{lines.join(' · ')}</p>
        </div>
        {help && <Popover label="How to read this figure" icon="help" small look="plain">{() => <div className="stack figure-help">{help}</div>}</Popover>}
        <FigureMenu {...props} names={names} draw={forFiles} />
      </header>
      <div className="figure-room" ref={watch} tabIndex={isOwn ? undefined : 0} role="group" aria-label={`${title}, figure`}>
        {busy && <div className="loading" role="status" aria-label="Loading values" />}
        {children}
        {scene && <SceneView scene={scene} label={label} onPick={onPick} />}
      </div>
    </section>
  );
}
