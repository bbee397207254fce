/** Short notices in a corner: what was done, with a way back; or what went wrong. */

import { isApiError } from '../api/http';
import { createStore } from './store';

export interface Notice {
  id: number;
  kind: 'done' | 'error';
  text: string;
  requestId?: string;
  action?: { label: string; run: () => void };
}

export const noticeStore = createStore<Notice[]>([]);
let nextId = 1;

function add(notice: Omit<Notice, 'id'>, milliseconds: number): void {
  const id = nextId++;
  noticeStore.set((now) => [...now.slice(-3), { ...notice, id }]);
  setTimeout(() => dismiss(id), milliseconds);
}

export function dismiss(id: number): void {
  noticeStore.set((now) => now.filter((notice) => notice.id !== id));
}

export function tell(text: string, action?: Notice['action']): void {
  add({ kind: 'done', text, action }, 8000);
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function tellError(error: unknown): void {
  const requestId = isApiError(error) ? error.requestId : undefined;
  add({ kind: 'error', text: sentenceOf(error), requestId }, 15_000);
}
