/** Where the page begins. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClientProvider } from '@tanstack/react-query';
import { startKeyboard } from '../state/keyboard';
import { queryClient } from '../state/queries';
import { startRouting } from '../state/route';
import { startTheme } from '../state/theme';
import { App } from './App';
import './css/base.css';
import './css/shell.css';
import './css/explorer.css';
import './css/views.css';
import './css/analyses.css';
import './css/gating.css';
import './css/cytometry.css';

startTheme();
startRouting();
startKeyboard();

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
