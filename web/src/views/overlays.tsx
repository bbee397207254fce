/** What lies over the page: dialogs, popovers. */

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { Button, type IconName } from './controls';
import { ErrorNote } from './states';

interface DialogProps {
  title: string;
  children: ReactNode;
  onClose: () => void;
  wide?: boolean;
}

export function Dialog({ title, children, onClose, wide }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} className={wide ? 'wide' : ''} aria-label={title} onCancel={onClose}>
      <div className="stack">
        <div className="spread">
          <h2>{title}</h2>
          <Button look="plain" small icon="close" label="Close" onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  verb: string;
  onSubmit: () => Promise<unknown>;
  danger?: boolean;
  disabled?: boolean;
}

/** A dialog with one action; it closes when the action succeeded and shows the sentence when not. */
export function FormDialog({ verb, onSubmit, danger, disabled, ...dialog }: FormDialogProps) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
      dialog.onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog {...dialog}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        {dialog.children}
        <ErrorNote error={error} />
        <div className="actions">
          <Button onClick={dialog.onClose}>Cancel</Button>
          <Button type="submit" look={danger ? 'danger' : 'primary'} disabled={busy || disabled}>
            {verb}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface PopoverProps {
  label: string;
  icon?: IconName;
  text?: ReactNode;
  small?: boolean;
  look?: 'plain' | 'primary';
  left?: boolean;
  menu?: boolean;
  /** What of those around the button has to stay in sight, as a selector: the sheet floats beside it and nothing scrolls. */
  beside?: string;
  children: (close: () => void) => ReactNode;
}

/** Pixels around a sheet that floats. */
const AIR = 8;

/** Right of it where there is room, else left, else over it; never beyond the window. */
function floatBeside(sheet: HTMLElement, place: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = sheet;
  const [right, left] = [place.right + AIR, place.left - AIR - width];
  const x = right + width + AIR <= window.innerWidth ? right : left >= AIR ? left : window.innerWidth - AIR - width;
  const y = Math.max(AIR, Math.min(place.top, window.innerHeight - AIR - height));
  Object.assign(sheet.style, { left: `${Math.max(AIR, x)}px`, top: `${y}px` });
}

/** A button that opens a small sheet; a click elsewhere or Escape closes it. */
export function Popover({ label, icon, text, small, look, left, menu, beside, children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const ref = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return;
    // a sheet that opens below the edge of what is scrolled is brought into sight
    const anchor = ref.current;
    const sheet = anchor?.querySelector<HTMLElement>('.popover');
    const place = beside && anchor?.closest(beside);
    // so is what it grows by, such as the button that keeps a change
    const show = () => (place && sheet ? floatBeside(sheet, place.getBoundingClientRect()) : sheet?.scrollIntoView({ block: 'nearest' }));
    const grown = new ResizeObserver(show);
    if (sheet) grown.observe(sheet);
    const outside = (event: Event) => {
      if (!ref.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setOpen(false);
      ref.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('keydown', escape, true);
      grown.disconnect();
      // the focus went with the sheet: the keyboard goes on from its button
      if (document.activeElement === document.body) anchor?.querySelector('button')?.focus();
    };
  }, [open, beside]);
  return (
    <span className="popover-anchor" ref={ref}>
      <Button small={small} look={look} icon={icon} label={text ? undefined : label} title={label} aria-expanded={open} aria-haspopup={menu ? 'menu' : 'dialog'} onClick={() => setOpen(!open)}>
        {text}
      </Button>
      {open && (
        <div className={['popover', left && 'left', menu && 'menu', beside && 'floating'].filter(Boolean).join(' ')} role={menu ? 'group' : 'dialog'} aria-label={label}>
          {children(() => setOpen(false))}
        </div>
      )}
    </span>
  );
}
