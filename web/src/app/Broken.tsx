/** Catches a fault of the page itself, so that the rest stays usable. */

import { Component, type ReactNode } from 'react';
import { Button } from '../views/controls';

export class Broken extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="centred">
        <div className="error stack" role="alert">
          <p>This view broke: {error.message}</p>
          <p className="small">Nothing on the server is lost. Open it again; if it breaks again, tell your administrator this sentence.</p>
          <Button onClick={() => this.setState({ error: null })}>Open it again</Button>
        </div>
      </div>
    );
  }
}
