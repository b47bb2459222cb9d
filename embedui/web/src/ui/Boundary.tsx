import { Component, type ReactNode } from "react";

interface Props {
    fallback(reset: () => void): ReactNode;
    children: ReactNode;
}

/** Draws something else where its content can't be drawn. */
export class Boundary extends Component<Props, { failed: boolean }> {
    override state = { failed: false };

    static getDerivedStateFromError(): { failed: boolean } {
        return { failed: true };
    }

    override render(): ReactNode {
        return this.state.failed ? this.props.fallback(() => this.setState({ failed: false })) : this.props.children;
    }
}
