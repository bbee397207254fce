/** Which letters the fonts have that every reader of PDF has: Helvetica and Symbol. */

/** What WinAnsi has between 128 and 159, and Greek and signs in the font Symbol. */
const ANSI: Record<string, number> = { '€': 128, '…': 133, '‘': 145, '’': 146, '“': 147, '”': 148, '•': 149, '–': 150, '—': 151, '™': 153 };
const GREEK = 'αaβbγgδdεeζzηhθqιiκkλlμmνnξxοoπpρrσsτtυuφfχcψyωwΓGΔDΘQΛLΞXΠPΣSΦFΨYΩW';
const SYMBOL: Record<string, number> = { '≥': 0xb3, '≤': 0xa3, '−': 0x2d, '→': 0xae, '∞': 0xa5, '≠': 0xb9 };
for (let i = 0; i < GREEK.length; i += 2) SYMBOL[GREEK[i]] = GREEK.charCodeAt(i + 1);

interface Run {
  symbol: boolean;
  bytes: number[];
  text: string;
}

/** Parts of a text by the font that has their letters. */
export function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 63;
    const symbol = SYMBOL[letter] !== undefined;
    const byte = symbol ? SYMBOL[letter] : (ANSI[letter] ?? ((code >= 32 && code < 127) || (code >= 160 && code < 256) ? code : 63));
    const last = runs[runs.length - 1];
    if (last?.symbol === symbol) {
      last.bytes.push(byte);
      last.text += letter;
    } else runs.push({ symbol, bytes: [byte], text: letter });
  }
  return runs;
}


/** Whether a text has letters that neither font has; a PDF then holds it as a picture. */
export const lacksLetters = (text: string) => runsOf(text).some((run) => run.bytes.some((byte, i) => byte === 63 && [...run.text][i] !== '?'));
