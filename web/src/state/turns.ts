/** Changes of one record one after the other, so that two quick edits of a row are both kept. */

interface Versioned {
  id: string;
  version: number;
}

/** The version that the last change of each record left. */
const left = new Map<string, Promise<number>>();

const versionOf = (answer: unknown) => {
  const { version } = (answer ?? {}) as Partial<Versioned>;
  return typeof version === 'number' ? version : 0;
};

/** Send a change of a record once the earlier ones are answered, for the version that they left; what others changed meanwhile is refused as ever. */
export function sendInTurn<T extends Versioned, R>(record: T, send: (newest: T) => Promise<R>): Promise<R> {
  const version = (left.get(record.id) ?? Promise.resolve(0)).then((last) => Math.max(last, record.version));
  const answer = version.then((newest) => send({ ...record, version: newest }));
  left.set(record.id, answer.then(async (made) => Math.max(versionOf(made), await version), () => version));
  return answer;
}
