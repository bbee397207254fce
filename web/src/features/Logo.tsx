/** The mark: a cell with what swims in it. */

export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="14" fill="var(--accent)" />
      <g fill="var(--raised)">
        <circle cx="13" cy="14" r="5" />
        <circle cx="21.5" cy="20" r="2.5" opacity=".8" />
        <circle cx="20.5" cy="11" r="1.6" opacity=".65" />
      </g>
    </svg>
  );
}
