/** The name of a file; a long one is cut in its middle, since names often differ at their ends. */

const [LONG, TAIL] = [24, 9];

export function FileName({ name }: { name: string }) {
  if (name.length <= LONG) return <span className="cut" title={name}>{name}</span>;
  return (
    <span className="cut-middle" title={name}>
      <span className="hidden-label">{name}</span>
      <span className="cut" aria-hidden="true">{name.slice(0, -TAIL)}</span>
      <span aria-hidden="true">{name.slice(-TAIL)}</span>
    </span>
  );
}
