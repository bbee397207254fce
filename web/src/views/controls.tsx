/** Small controls: buttons, fields, icons. */

import type { ButtonHTMLAttributes, ReactNode } from 'react';

const PATHS = {
  studies: 'M4 5h16M4 12h16M4 19h10',
  jobs: 'M12 7v5l3 2M12 3a9 9 0 1 0 9 9',
  storages: 'M4 7c0-4 16-4 16 0v10c0 4-16 4-16 0zM4 7c0 4 16 4 16 0M4 12c0 4 16 4 16 0',
  admin: 'M12 4l7 3v5c0 4-3 7-7 8-4-1-7-4-7-8V7z',
  trash: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  tokens: 'M14 10a4 4 0 1 0-3 3l2 2h2v2h2v2h3v-3z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20c1-5 15-5 16 0',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  lasso: 'M7 16c-4-2-4-9 2-11s13 1 12 6-7 6-11 5M7 16c-1 3 3 3 2 0-1-2-3-1-2 0M9 17c1 2 0 3-2 4',
  rectangle: 'M5 7h14v10H5z',
  pan: 'M12 4v16M4 12h16M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  upload: 'M12 16V5M7 9l5-5 5 5M5 20h14',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  search: 'M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M20 20l-4-4',
  folder: 'M3 6h6l2 2h10v11H3z',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  table: 'M4 5h16v14H4zM4 10h16M10 5v14',
  sample: 'M9 3h6M10 3v6l-5 9c-1 2 0 3 2 3h10c2 0 3-1 2-3l-5-9V3',
  help: 'M9 9c0-4 6-4 6 0 0 3-3 2-3 5M12 18h.01',
  check: 'M5 12l5 5 9-11',
  undo: 'M8 8H4V4M4 8c4-6 16-5 16 4s-10 9-14 5',
  redo: 'M16 8h4V4M20 8c-4-6-16-5-16 4s10 9 14 5',
  code: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
  cells: 'M8 11a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M16 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4M15 19a3 3 0 1 0 0-6 3 3 0 0 0 0 6M7 18a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3',
  violin: 'M12 3c0 4-5 6-5 10s3 5 5 8c2-3 5-4 5-8s-5-6-5-10M12 10v5',
  dots: 'M6 7a2 2 0 1 0 0-.1M13 7a1 1 0 1 0 0-.1M19 7a2.5 2.5 0 1 0 0-.1M6 16a1 1 0 1 0 0-.1M13 16a2.5 2.5 0 1 0 0-.1M19 16a1.5 1.5 0 1 0 0-.1',
  heatmap: 'M4 4h16v16H4zM4 9.3h16M4 14.6h16M9.3 4v16M14.6 4v16',
  bars: 'M5 4v16h4V4zM5 12h4M15 4v16h4V4zM15 8h4M15 15h4',
  lock: 'M6 11h12v9H6zM8.5 11V7.5c0-4.7 7-4.7 7 0V11',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  split: 'M4 5h16v14H4zM12 5v14',
  marker: 'M12 3l2.6 5.6 6 .7-4.5 4.1 1.3 6L12 16.3 6.6 19.4l1.3-6-4.5-4.1 6-.7z',
  list: 'M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01',
  flask: 'M10 3v6l-5 9c-.8 1.6 0 3 2 3h10c2 0 2.8-1.4 2-3l-5-9V3M8 3h8M7.5 15h9',
  pointer: 'M6 3l12 9-6 1-3 6z',
  polygon: 'M4 9l8-5 8 6-3 9H7z',
  ellipse: 'M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6',
  range: 'M4 8v8M20 8v8M4 12h16',
  quadrant: 'M12 4v16M4 12h16',
  halves: 'M12 4v16M7 9l-3 3 3 3M17 9l3 3-3 3',
  compare: 'M4 20V4M4 20h16M8 8h.01M10 11h.01M18 7h.01M16 10h.01M12 16h.01M14 15h.01',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={name === 'more' ? 3 : 1.7} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" style={{ flex: 'none' }}>
      <path d={PATHS[name]} />
    </svg>
  );
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: 'primary' | 'danger' | 'plain';
  small?: boolean;
  icon?: IconName;
  /** Name of a button that shows only its icon. */
  label?: string;
};

export function Button({ look, small, icon, label, children, className = '', ...rest }: ButtonProps) {
  const names = ['button', look, small && 'small', !children && 'icon', className].filter(Boolean).join(' ');
  return (
    <button type="button" className={names} aria-label={label} title={rest.title ?? label} {...rest}>
      {icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </button>
  );
}

export function Field({ label, help, children }: { label: ReactNode; help?: ReactNode; children: ReactNode }) {
  return (
    <label className="field">
      <span className="label">{label}</span>
      {children}
      {help && <span className="help">{help}</span>}
    </label>
  );
}

export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  return (
    <div className="segments" role="group" aria-label={props.label}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          className="button small"
          aria-pressed={props.value === option.value}
          onClick={() => props.onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

export function Bar({ value, bad = false, label }: { value: number; bad?: boolean; label: string }) {
  const percent = Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div className={bad ? 'bar bad' : 'bar'} role="progressbar" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
