/** Keys that work everywhere: one list, so that `?` can show them all. */

import { createStore } from './store';

export interface Shortcut {
  /** A key as the browser names it, two with a blank between ('g s'), or one with Ctrl or Cmd: 'Ctrl+z'. */
  keys: string;
  title: string;
  run: () => void;
}

const shortcuts = createStore<Shortcut[]>([]);
export const shortcutStore = shortcuts;

/** Offer some keys; the answer is a function that takes them away. */
export function offerShortcuts(list: Shortcut[]): () => void {
  shortcuts.set((now) => [...now, ...list]);
  return () => shortcuts.set((now) => now.filter((s) => !list.includes(s)));
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  !(target instanceof HTMLInputElement && ['checkbox', 'radio', 'range', 'button'].includes(target.type));

/** Find the shortcut of a key press; `held` is the first key of a pair. The newest offer wins. */
export function matchShortcut(list: Shortcut[], held: string, key: string): Shortcut | undefined {
  const wanted = held ? `${held} ${key}` : key;
  return [...list].reverse().find((s) => s.keys === wanted);
}

export function startKeyboard(): void {
  let held = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  window.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.altKey) return;
    const withCtrl = event.ctrlKey || event.metaKey;
    if (isTyping(event.target) && event.key !== 'Escape') return;
    // A slider moves by arrow keys; a dialog has the keys for itself.
    if (event.key.startsWith('Arrow') && event.target instanceof HTMLInputElement) return;
    if (document.querySelector('dialog[open]')) return;
    const list = shortcuts.get();
    if (withCtrl) {
      // whatever the caps lock makes of it
      const command = matchShortcut(list, '', `Ctrl+${event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()}`);
      if (command) event.preventDefault();
      command?.run();
      return;
    }
    const found = matchShortcut(list, held, event.key);
    const begins = !held && list.some((s) => s.keys.startsWith(`${event.key} `));
    held = '';
    clearTimeout(timer);
    if (found) {
      if (event.key !== 'Escape') event.preventDefault();
      found.run();
    } else if (begins) {
      held = event.key;
      timer = setTimeout(() => (held = ''), 1200);
    }
  });
}
