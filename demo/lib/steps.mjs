// How the demo talks: numbered steps, what was sent and what came back, secrets shortened; and it stops at the first lie.
const colour = (code) => (text) => (process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, green, red] = ['1', '2', '32', '31'].map(colour);
let number = 0;

export const step = (title) => console.log(`\n${bold(`${++number}. ${title}`)}`);
export const sent = (text) => console.log(dim(`   > ${text}`));
export const got = (text) => console.log(`   ${green('<')} ${text}`);

/** Enough of a secret to recognize it, too little to use it. */
export const short = (secret) => `${String(secret).slice(0, 8)}…(${String(secret).length} characters)`;

/** Stops the demo unless what it claims is so. */
export function claim(holds, what, actual) {
  if (holds) return;
  console.log(`   ${red('!')} ${what}`);
  throw new Error(`Not so: ${what}\n   Actually: ${typeof actual === 'string' ? actual : JSON.stringify(actual, null, 2)}`);
}

export const table = (rows) => {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  for (const row of rows) console.log(`   ${row.map((cell, column) => String(cell ?? '').padEnd(widths[column])).join('  ').trimEnd()}`);
};
