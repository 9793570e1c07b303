// Looks again for what came since, while somebody watches. Without it the page is reloaded by hand.
const every = 3000;
let watching = false;
let ended = false;
// Pausing and going on begins another round; what is under way of an earlier one ends by itself.
let round = 0;

function label(text) {
  const button = document.querySelector('[data-live]');
  if (!button) return;
  button.hidden = false;
  button.setAttribute('aria-pressed', String(watching));
  button.textContent = text ?? (watching ? 'Pause' : 'Follow live');
}

async function look(mine) {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href);
      if (new URL(answer.url).pathname === '/login') {
        // What is being read stays: the next press leads to sign in.
        ended = true;
        watching = false;
        label('Stopped: sign in again');
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (mine !== round) return;
      const next = page.getElementById('live');
      if (!answer.ok || !next) throw new TypeError('not the list');
      take(next, page.querySelector('.pager') !== null);
      label();
    } catch {
      if (mine === round) label('Pause (no answer, trying again)');
    }
  }
  if (mine === round) setTimeout(() => mine === round && look(mine), every);
}

// Rows are added to those there are, and those that say something else now are replaced where they are: what somebody reads or has opened stays.
function take(next, more) {
  const body = document.querySelector('#live tbody');
  const rows = next.querySelector('tbody');
  if (!body || !rows) {
    if (rows) {
      document.getElementById('live').replaceWith(document.adoptNode(next));
      document.dispatchEvent(new CustomEvent('kontext:shown'));
    }
    return;
  }
  const known = new Map([...body.rows].filter(row => row.id).map(row => [row.id, row]));
  const fresh = [];
  let changed = 0;
  let reached = false;
  for (const row of [...rows.rows]) {
    const old = known.get(row.id);
    if (!old) fresh.push(document.adoptNode(row));
    else if (said(old) === said(row)) reached = true;
    else {
      replace(old, document.adoptNode(row));
      changed++;
    }
  }
  // What comes newest first is complete down to the first row that was there already as it is.
  const left = fresh.length > 0 && more && !reached;
  if (left) fresh.push(gap(body));
  body.prepend(...fresh);
  const count = fresh.length - (left ? 1 : 0);
  if (count + changed > 0) {
    const words = [count > 0 ? `${count} new` : '', changed > 0 ? `${changed} changed` : '', left ? 'more came than is listed' : ''];
    document.getElementById('live-count').textContent = words.filter(word => word).join(', ');
    document.dispatchEvent(new CustomEvent('kontext:shown'));
  }
}

// What a row says, whichever zone its times are told in and whatever of it is open.
function said(row) {
  const copy = row.cloneNode(true);
  for (const time of copy.querySelectorAll('time[title]')) {
    time.textContent = time.title;
    time.removeAttribute('title');
  }
  for (const details of copy.querySelectorAll('details')) details.open = false;
  return copy.innerHTML;
}

function replace(old, row) {
  const focused = [...old.querySelectorAll('a, summary')].indexOf(document.activeElement);
  [...old.querySelectorAll('details')].forEach((details, at) => row.querySelectorAll('details')[at]?.toggleAttribute('open', details.open));
  old.replaceWith(row);
  row.querySelectorAll('a, summary')[focused]?.focus({ preventScroll: true });
}

function gap(body) {
  const row = document.createElement('tr');
  const cell = row.insertCell();
  cell.className = 'hint';
  cell.colSpan = body.rows[0]?.cells.length ?? 1;
  cell.textContent = 'More came at once than is listed. Reload the page to go through all of it.';
  return row;
}

document.addEventListener('click', event => {
  if (!event.target.closest('[data-live]')) return;
  if (ended) {
    location.assign(location.pathname + location.search);
    return;
  }
  watching = !watching;
  round++;
  label();
  if (watching) look(round);
});
document.addEventListener('kontext:shown', () => {
  ended = false;
  label();
});
label();
