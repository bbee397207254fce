import { describe, expect, it } from 'vitest';
import { sendInTurn } from '../../src/state/turns';

/** A server with one record: answers when it is told to, and refuses a change that was made for another version. */
function slowServer(id: string) {
  const record = { id, version: 1 };
  const sent: number[] = [];
  const waiting: (() => void)[] = [];
  const send = (newest: typeof record) => {
    sent.push(newest.version);
    return new Promise<typeof record>((resolve, reject) => {
      waiting.push(() => {
        if (newest.version !== record.version) return reject(new Error('changed in the meantime'));
        record.version += 1;
        resolve({ ...record });
      });
    });
  };
  const answer = async () => {
    waiting.shift()?.();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { record, sent, send, answer, seen: { ...record } };
}

const soon = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('changes of one record', () => {
  it('are sent one after the other, each for the version that the one before left', async () => {
    const { record, sent, send, answer, seen } = slowServer('row');
    const both = [sendInTurn(seen, send), sendInTurn(seen, send)];
    await soon();
    expect(sent).toEqual([1]);
    await answer();
    expect(sent).toEqual([1, 2]);
    await answer();
    expect((await Promise.all(both)).map((made) => made.version)).toEqual([2, 3]);
    expect(record.version).toBe(3);
    // what the page read since counts where it is newer
    record.version = 7;
    const late = sendInTurn({ ...record }, send);
    await soon();
    await answer();
    expect((await late).version).toBe(8);
  });
  it('do not hide what somebody else changed, and go on after a refusal', async () => {
    const { record, sent, send, answer, seen } = slowServer('shared');
    record.version = 5;
    const [first, second] = [sendInTurn(seen, send), sendInTurn({ ...record }, send)];
    first.catch(() => undefined);
    await soon();
    await answer();
    await expect(first).rejects.toThrow('meantime');
    await answer();
    expect((await second).version).toBe(6);
    expect(sent).toEqual([1, 5]);
  });
  it('of different records do not wait for each other', async () => {
    const [a, b] = [slowServer('a'), slowServer('b')];
    void sendInTurn(a.seen, a.send);
    void sendInTurn(b.seen, b.send);
    await soon();
    expect([a.sent, b.sent]).toEqual([[1], [1]]);
  });
});
