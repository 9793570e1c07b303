// Looks again for what came since, while somebody watches. Without it the page is reloaded by hand.
const every = 3000;
let watching = false;
let ended = false;

function label(text) {
  const button = document.querySelector('[data-live]');
  if (!button) return;
  button.hidden = false;
  button.setAttribute('aria-pressed', String(watching));
  button.textContent = text ?? (watching ? 'Pause' : 'Follow live');
}

async function look() {
  if (!watching) return;
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
      const next = page.getElementById('live');
      if (!answer.ok || !next) throw new TypeError('not the list');
      take(next);
      label();
    } catch {
      label('Pause (no answer, trying again)');
    }
  }
  setTimeout(look, every);
}

// Rows are added to those there are: what somebody reads or has opened stays where it is.
function take(next) {
  const body = document.querySelector('#live tbody');
  const rows = next.querySelector('tbody');
  if (!body || !rows) {
    if (rows) document.getElementById('live').replaceWith(document.adoptNode(next));
    return;
  }
  const known = new Set([...body.rows].map(row => row.id));
  const fresh = [...rows.rows].filter(row => !known.has(row.id));
  body.prepend(...fresh.map(row => document.adoptNode(row)));
  if (fresh.length > 0) {
    document.getElementById('live-count').textContent = `${fresh.length} new`;
    document.dispatchEvent(new CustomEvent('kontext:shown'));
  }
}

document.addEventListener('click', event => {
  if (!event.target.closest('[data-live]')) return;
  if (ended) {
    location.assign(location.pathname + location.search);
    return;
  }
  watching = !watching;
  label();
  look();
});
document.addEventListener('kontext:shown', () => {
  ended = false;
  label();
});
label();
