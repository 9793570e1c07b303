// Sends a provider's answer on to the API and says what came of it.
const { address, name, next } = document.getElementById('callback-api').dataset;
const redirectAfter = 800;
const form = document.querySelector('#callback form');
const csrf = form.elements.csrf.value;
const answer = Object.fromEntries([...form.querySelectorAll('[data-answer]')].map(field => [field.name, field.value]));

form.remove();
// The code works once: neither the history nor a copied address needs it.
history.replaceState(null, '', location.pathname);

function enter(phase, text) {
  for (const part of document.querySelectorAll('.phase')) part.hidden = part.dataset.phase !== phase;
  const heading = document.querySelector(`[data-phase=${phase}] h1`);
  document.title = `${heading.textContent} · Kontext`;
  if (text) document.querySelector('[data-error]').textContent = text;
  heading.focus();
}

try {
  const sent = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
    body: JSON.stringify(answer),
  });
  const body = await sent.json();
  if (sent.ok) {
    enter('connected');
    document.dispatchEvent(new CustomEvent('kontext:toast', { detail: `${name} connected` }));
    if (body.missing_scopes.length > 0) {
      // This has to be read, which takes as long as it takes.
      document.querySelector('[data-missing]').textContent = `Not everything that was asked for was granted. Some actions will not work without: ${body.missing_scopes.join(', ')}.`;
      document.querySelector('[data-onward]').hidden = false;
    } else {
      // Not to be come back to: what this page was opened with is spent.
      setTimeout(() => location.replace(next), redirectAfter);
    }
  } else {
    enter('failed', body.message);
  }
} catch {
  enter('failed', 'Kontext does not answer. Check your connection, then see under Integrations whether it was connected all the same.');
}
