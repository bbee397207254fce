/** What the server tells while the page is open. The browser reconnects by itself and says what it heard last. */

import { apiUrl } from './http';
import type { ServerEvent } from './types';

export const EVENT_TYPES = ['job.changed', 'job.log', 'dataset.changed', 'study.changed', 'annotation.changed', 'gate.changed'] as const;

export interface EventHandlers {
  onEvent: (event: ServerEvent) => void;
  onState: (connected: boolean) => void;
}

/** Listen; the answer is a function that stops. */
export function listen(handlers: EventHandlers): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const receive = (message: MessageEvent<string>) => {
    try {
      handlers.onEvent(JSON.parse(message.data) as ServerEvent);
    } catch {
      // A line that is no event (a comment of a proxy) is not for us.
    }
  };
  const open = () => {
    source = new EventSource(apiUrl('events'), { withCredentials: true });
    for (const type of EVENT_TYPES) source.addEventListener(type, receive);
    source.onopen = () => handlers.onState(true);
    source.onerror = () => {
      handlers.onState(false);
      // A refused stream is closed for good by the browser; try again ourselves.
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, 3000);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
