import { Component, lazy, Suspense, useState, type ComponentType, type ReactNode } from "react";
import { useT } from "../i18n";
import { Button } from "./Button";

/** A component that comes when it is first drawn. Where it can't be loaded, it says so in its place and offers to try again. */
export function lazyPart<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
    return function LazyPart(props: P) {
        const [Part, setPart] = useState<ComponentType<P>>(() => lazy(load) as ComponentType<P>);
        return (
            <Boundary fallback={(reset) => <Missing onRetry={() => (setPart(() => lazy(load) as ComponentType<P>), reset())} />}>
                <Suspense fallback={null}>
                    <Part {...props} />
                </Suspense>
            </Boundary>
        );
    };
}

interface BoundaryProps {
    fallback(reset: () => void): ReactNode;
    children: ReactNode;
}

/** Draws something else where its content can't be drawn. */
export class Boundary extends Component<BoundaryProps, { failed: boolean }> {
    override state = { failed: false };

    static getDerivedStateFromError(): { failed: boolean } {
        return { failed: true };
    }

    override render(): ReactNode {
        return this.state.failed ? this.props.fallback(() => this.setState({ failed: false })) : this.props.children;
    }
}

function Missing({ onRetry }: { onRetry(): void }) {
    const t = useT();
    return (
        <div role="alert" className="notice error">
            <p>{t("part.missing")}</p>
            <div className="buttons">
                <Button onPress={onRetry}>{t("part.retry")}</Button>
            </div>
        </div>
    );
}
