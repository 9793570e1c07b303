// Copies a value that is shown once. Without it the value can be selected and copied by hand.
document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    document.dispatchEvent(new CustomEvent('kontext:toast', { detail: 'Copied.' }));
  } catch {
    document.dispatchEvent(new CustomEvent('kontext:toast', { detail: 'Your browser does not allow copying here. Select the text and copy it.' }));
  }
});

function offer() {
  for (const button of document.querySelectorAll('[data-copy][hidden]')) button.hidden = false;
}

document.addEventListener('kontext:shown', offer);
offer();
