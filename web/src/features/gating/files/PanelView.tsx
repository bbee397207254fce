/** Channels and their reagents: of one file, of all with the same panel, or of all files; the files themselves stay. */

import { useState } from 'react';
import { putReagents } from '../../../api/gating';
import { changedReagents, channelsKey, otherReagents, panelGroups, pastedPanel } from '../../../data/gating/panels';
import { count, plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { Button } from '../../../views/controls';
import type { GatedFile, GatingState } from '../useGating';

type Scope = 'file' | 'panel' | 'channels' | 'all';

export function PanelView({ state, file }: { state: GatingState; file: GatedFile }) {
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const groups = panelGroups(state.files);
  const here = groups.find((g) => g.files.some((f) => f.key === file.key));
  const same = here?.files ?? [file];
  const alike = state.files.filter((f) => channelsKey(f.panel) === channelsKey(file.panel));
  const all = state.files.filter((f) => f.panel.length > 0);
  const [chosen, setScope] = useState<Scope>(same.length > 1 ? 'panel' : 'file');
  const scopes: { value: Scope; label: string; files: GatedFile[] }[] = [
    { value: 'file', label: 'this file', files: [file] },
    { value: 'panel', label: `${count(same.length)} files with this panel`, files: same },
    { value: 'channels', label: `${count(alike.length)} files with these channels`, files: alike },
    { value: 'all', label: `all ${count(all.length)} files, where they have the channel`, files: all },
  ];
  const offered = scopes.filter((s, i) => i === 0 || s.files.length > scopes[i - 1].files.length);
  const scope = offered.find((s) => s.value === chosen) ?? offered[0];
  const isWider = scope.value === 'channels' || scope.value === 'all';
  // to files with other panels the whole panel goes, to those with this one what was typed
  const wanted = new Map(file.panel.flatMap((c): [string, string][] => (typed.has(c.channel) || isWider ? [[c.channel, typed.get(c.channel) ?? c.reagent]] : [])));
  const change = changedReagents(wanted, scope.files);
  const n = Object.keys(change.reagents).length;
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    const done = await changeFile(state.study.id, () => putReagents(state.study.id, { dataset_ids: scope.files.map((f) => f.dataset.id), reagents: change.reagents }));
    setBusy(false);
    if (done === null) return;
    // not before: until the files are read anew they have their old reagents
    setTyped(new Map());
    tell(`${plural(n, 'reagent')} named in ${plural(change.files, 'file')}`);
  };
  const [name, setName] = useState(file.dataset.panel_name ?? '');
  const rename = () => {
    const fresh = name.trim();
    if (!fresh || fresh === file.dataset.panel_name) return setName(file.dataset.panel_name ?? '');
    void changeFile(state.study.id, () => putReagents(state.study.id, { dataset_ids: same.map((f) => f.dataset.id), reagents: {}, panel_name: fresh }).then(() => tell(`The panel of ${plural(same.length, 'file')} is called ‘${fresh}’`)));
  };
  const paste = (from: number, text: string): boolean => {
    const found = pastedPanel(text, file.panel, from);
    if (found) setTyped((now) => new Map([...now, ...found]));
    return found !== null;
  };
  const fromClipboard = () =>
    void navigator.clipboard.readText().then((text) => { if (!paste(0, text)) tell('There is no table in the clipboard: copy two columns, channel and reagent, in a spreadsheet'); }, () => tell('The browser does not give the clipboard: press Ctrl+V in the first reagent'));
  return (
    <section className="card" aria-label="Panel">
      <div className="stack tight" style={{ padding: '10px 12px' }}>
        <div className="spread">
          <h2 className="cut">Panel of {file.name}</h2>
          {state.mayEdit && <Button small onClick={fromClipboard}>Paste a table</Button>}
        </div>
        {groups.length > 1 && (
          <div className="panel-groups" role="group" aria-label="Panels of the study">
            {groups.map((g, i) => (
              <button key={i} type="button" className="button small" aria-pressed={g === here} title={g.files.map((f) => f.name).join(', ')} onClick={() => state.go({ file: g.files[0].key })}>
                {g.files[0].dataset.panel_name || `Panel ${i + 1}`} <span className="muted">{plural(g.files.length, 'file')}, {count(g.panel.length)} channels</span>
              </button>
            ))}
          </div>
        )}
        {state.mayEdit && (
          <div className="row wrap">
            <label className="row small">called <input className="input small" aria-label="Name of the panel" maxLength={255} style={{ width: 150 }} value={name} onChange={(e) => setName(e.target.value)} onBlur={rename} onKeyDown={(e) => { if (e.key === 'Enter') e.currentTarget.blur(); if (e.key === 'Escape') setName(file.dataset.panel_name ?? ''); }} /></label>
            {offered.length > 1 && (
              <label className="row small">for
                <select className="input small" aria-label="Files that get these reagents" value={scope.value} onChange={(e) => setScope(e.target.value as Scope)}>
                  {offered.map((s) => <option key={s.value} value={s.value}>{s.label}</option>)}
                </select>
              </label>
            )}
            <span className="panel-change small muted" role="status" aria-label="What will change">{n > 0 ? `${plural(n, 'reagent')} will change in ${plural(change.files, 'file')}.` : 'The files themselves stay as they are.'}</span>
            {typed.size > 0 && <Button small look="plain" onClick={() => setTyped(new Map())}>Back</Button>}
            <Button small look="primary" disabled={!n || isBusy} onClick={() => void save()}>Save panel</Button>
          </div>
        )}
      </div>
      <table className="table">
        <thead><tr><th className="num">№</th><th>Channel</th><th>Reagent</th><th>In other files</th><th>Scale</th></tr></thead>
        <tbody>
          {file.panel.map((c, i) => (
            <tr key={c.channel}>
              <td className="num muted">{c.index}</td>
              <td className="mono">{c.channel}</td>
              <td>
                <input
                  className={typed.has(c.channel) && typed.get(c.channel) !== c.reagent ? 'input small changed' : 'input small'} aria-label={`Reagent of ${c.channel}`} disabled={!state.mayEdit} value={typed.get(c.channel) ?? c.reagent}
                  onPaste={(e) => paste(i, e.clipboardData.getData('text')) && e.preventDefault()} onChange={(e) => setTyped((now) => new Map([...now, [c.channel, e.target.value]]))}
                  onKeyDown={(e) => {
                    const step = e.key === 'ArrowDown' || e.key === 'Enter' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
                    const next = step && e.currentTarget.closest('tbody')?.querySelectorAll<HTMLInputElement>('input')[i + step];
                    if (next) { e.preventDefault(); next.focus(); next.select(); }
                  }}
                />
              </td>
              <td className="small">{otherReagents(c.channel, c.reagent, all).slice(0, 3).map((o) => <span key={o.reagent} className="other-reagent">{o.reagent || <i>none</i>} <span className="muted">in {count(o.files)}</span></span>)}</td>
              <td className="small muted">{state.scales[`var:${c.channel}`]?.type ?? 'as it is'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
