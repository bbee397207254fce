/** Light, dark, or as the system is. */

import { createStore, rememberedStore } from './store';

export type Theme = 'system' | 'light' | 'dark';

export const themeStore = rememberedStore<Theme>('cytosol.theme', 'system');
/** What is shown in the end. */
export const shownTheme = createStore<'light' | 'dark'>('light');

export function startTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const theme = themeStore.get();
    const shown = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
    document.documentElement.dataset.theme = shown;
    shownTheme.set(shown);
  };
  apply();
  themeStore.subscribe(apply);
  dark.addEventListener('change', apply);
}

export function nextTheme(): void {
  themeStore.set(shownTheme.get() === 'dark' ? 'light' : 'dark');
}
