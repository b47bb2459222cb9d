/** Where a failure is told; it is there before, so that screen readers tell what appears in it. */
export function Fault({ children }: { children: string | null }) {
    return <div role="alert">{children && <p className="notice error">{children}</p>}</div>;
}
