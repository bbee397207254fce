/** A search box with suggestions below: arrows move, Enter takes, Escape closes. */

import { useEffect, useId, useRef, useState, type Ref } from 'react';

interface Props<T> {
  label: string;
  placeholder: string;
  text: string;
  onText: (text: string) => void;
  items: T[];
  itemKey: (item: T) => string;
  itemText: (item: T) => { main: string; side: string };
  onTake: (item: T) => void;
  emptyText: string;
  /** Whether the items are not yet those of the text: Enter then waits for them. */
  busy?: boolean;
  inputRef?: Ref<HTMLInputElement>;
}

export function Suggest<T>({ inputRef, ...props }: Props<T>) {
  const { items, text, busy = false } = props;
  const waits = useRef(false);
  const id = useId();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const current = Math.min(at, Math.max(0, items.length - 1));
  const shown = open && text.trim() !== '';
  const take = (item: T) => {
    props.onTake(item);
    setOpen(false);
  };
  useEffect(() => {
    if (busy || !waits.current) return;
    waits.current = false;
    const [first] = items;
    if (first) setTimeout(() => take(first));
  });
  return (
    <div className="suggest" onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}>
      <input
        ref={inputRef}
        className="input"
        role="combobox"
        aria-label={props.label}
        aria-expanded={shown}
        aria-controls={id}
        aria-activedescendant={shown && items.length ? `${id}-${current}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={props.placeholder}
        value={text}
        onFocus={(event) => event.target.select()}
        onChange={(event) => {
          waits.current = false;
          props.onText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            event.preventDefault();
            setOpen(true);
            setAt(Math.max(0, Math.min(items.length - 1, current + (event.key === 'ArrowDown' ? 1 : -1))));
          } else if (event.key === 'Enter' && text.trim() !== '') {
            event.preventDefault();
            if (busy) waits.current = true;
            else if (items[current]) take(items[current]);
          } else if (event.key === 'Escape') {
            setOpen(false);
            event.currentTarget.blur();
          }
        }}
      />
      {shown && (
        <ul id={id} role="listbox" aria-label={props.label}>
          {items.length === 0 && <li className="muted" aria-disabled="true">{props.emptyText}</li>}
          {items.map((item, i) => {
            const { main, side } = props.itemText(item);
            return (
              <li key={props.itemKey(item)} id={`${id}-${i}`} role="option" aria-selected={i === current} onPointerDown={(event) => { event.preventDefault(); take(item); }}>
                <span>{main}</span>
                <span className="muted small mono">{side}</span>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
