/** The belfry. */
export function Bell({ size = 36 }: { size?: number }) {
    return (
        <svg className="bell" width={size} height={size} viewBox="0 0 36 36" aria-hidden="true">
            <rect width="36" height="36" rx="9" fill="var(--slate)" />
            <path d="M18 5l6 7v17H12V12z M15 17h6v6h-6z" fill="var(--on-slate)" fillRule="evenodd" />
            <circle cx="18" cy="20.4" r="1.8" fill="var(--on-slate)" />
        </svg>
    );
}
