// Shows for a while what was just done. The region is there from the start, so that screen readers announce what comes into it.
const region = document.getElementById('toasts');
const lifetime = 8000;

function show(text) {
  const toast = document.createElement('div');
  toast.className = 'toast';
  const words = document.createElement('p');
  words.textContent = text;
  const close = document.createElement('button');
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', 'Dismiss');
  close.addEventListener('click', () => toast.remove());
  toast.append(words, close);
  region.replaceChildren(toast);
  // Nobody who reads it, or is about to dismiss it, loses it.
  const end = () => toast.matches(':hover, :focus-within') ? setTimeout(end, 1000) : toast.remove();
  setTimeout(end, lifetime);
}

function take() {
  for (const notice of document.querySelectorAll('[data-toast]')) {
    notice.remove();
    show(notice.textContent.trim());
  }
}

document.addEventListener('kontext:toast', event => show(event.detail));
document.addEventListener('kontext:shown', take);
take();
