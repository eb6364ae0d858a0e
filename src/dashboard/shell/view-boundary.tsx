import { Component, type ReactNode } from 'react';
import { ApiError } from '../../client/api.ts';
import { Failed } from '../elements/states.tsx';

const BROKEN = new ApiError('INTERNAL', 'This is a fault of the page. Its cause is in the console of the browser.');

interface ViewBoundaryProps {
  /** Where one is: what broke there is forgotten elsewhere. */
  location: string;
  children: ReactNode;
}

/** A view that throws takes nothing with it of what is around. */
export class ViewBoundary extends Component<ViewBoundaryProps, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override componentDidUpdate(before: ViewBoundaryProps): void {
    if (this.state.isBroken && before.location !== this.props.location) this.setState({ isBroken: false });
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children;
    return <Failed isView error={BROKEN} onRetry={() => this.setState({ isBroken: false })} />;
  }
}
