// Without this file every form and link works by itself. With it, those marked data-in-place leave the page where it is, the browser
// asks before what is marked data-confirm, and whatever takes a while says so and is not sent twice. data-download says that the answer is a file.
let underWay = null;

document.addEventListener('submit', event => {
  const form = event.target;
  const button = event.submitter;
  if (form.getAttribute('method') === 'dialog') return;
  if (form.ariaBusy === 'true') {
    event.preventDefault();
    return;
  }
  if (form.dataset.confirm) {
    if (!window.confirm(form.dataset.confirm)) {
      event.preventDefault();
      return;
    }
    confirmed(form);
  }
  if ('inPlace' in form.dataset) {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, button));
    // Not form.action: a field of that name would stand for it.
    show(form.getAttribute('action'), { method: 'POST', body }, form, button);
  } else {
    working(form, button);
    // The page stays where the answer is a file, or opens a program.
    setTimeout(() => idle(form, button), 'download' in form.dataset ? 3000 : 30000);
  }
});

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-in-place]');
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.ariaBusy !== 'true') show(link.href, {}, link, link);
});

// Back from another site the page may be as it was left.
window.addEventListener('pageshow', event => {
  if (event.persisted) for (const control of document.querySelectorAll('[aria-busy="true"]')) idle(control);
});

function confirmed(form) {
  const field = form.elements.confirmed ?? form.appendChild(Object.assign(document.createElement('input'), { type: 'hidden', name: 'confirmed' }));
  field.value = 'yes';
}

function working(...controls) {
  for (const control of controls) {
    if (!control) continue;
    // It keeps its size whatever it says meanwhile, so that nothing beside it moves.
    if (control.matches('button, .button')) {
      const { width, height } = control.getBoundingClientRect();
      Object.assign(control.style, { width: `${width}px`, height: `${height}px` });
    }
    control.ariaBusy = 'true';
    if (control.dataset.busy) {
      control.dataset.idle = control.textContent;
      control.textContent = control.dataset.busy;
    }
  }
}

function idle(...controls) {
  for (const control of controls) {
    if (!control) continue;
    control.ariaBusy = null;
    Object.assign(control.style, { width: '', height: '' });
    if (control.dataset.idle) control.textContent = control.dataset.idle;
    delete control.dataset.idle;
  }
}

async function show(address, options, ...controls) {
  const source = controls.at(-1);
  working(...controls);
  underWay?.abort();
  // What is sent is not taken back: only looking again may overtake looking.
  const asking = options.method ? null : new AbortController();
  underWay = asking;
  try {
    const answer = await fetch(address, { ...options, signal: asking?.signal });
    if (isSignIn(answer)) {
      // A script cannot follow to where people sign in. The browser can, and brings them back to the page they were on.
      location.assign(location.pathname + location.search);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const content = page.getElementById('content');
    if (!content) throw new TypeError(`No page at ${answer.url}`);
    if (answer.redirected || !options.method) history.replaceState(null, '', answer.url);
    put(content, page.title, source);
    // Who signed out meanwhile, in another tab, is no longer named.
    document.querySelector('header.top').replaceWith(document.adoptNode(page.querySelector('header.top')));
  } catch (error) {
    if (error.name === 'AbortError') return;
    idle(...controls);
    failed(options, source);
    if (!(error instanceof TypeError)) throw error;
  } finally {
    if (underWay === asking) underWay = null;
  }
}

// Is it the sign-in instead of what was asked for: its own page, or one that would lead a browser on to it?
function isSignIn(answer) {
  return new URL(answer.url).pathname === '/login' || answer.headers.has('Refresh');
}

function put(content, title, source) {
  const place = source?.isConnected ? source.getBoundingClientRect().top : null;
  const opened = [...document.querySelectorAll('details[id][open]')].map(details => details.id);
  document.getElementById('content').replaceWith(document.adoptNode(content));
  document.title = title;
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '');
  const again = source?.id ? document.getElementById(source.id) : null;
  (content.querySelector('[role=alert]') ? content : again ?? content).focus({ preventScroll: again !== null });
  document.dispatchEvent(new CustomEvent('kontext:shown'));
  // What was pressed stays under the finger, also when a notice comes above it; one that is out of sight is said where it is seen.
  if (again && place !== null) window.scrollBy(0, again.getBoundingClientRect().top - place);
  const notice = content.querySelector('.just-now:not([data-toast])');
  if (notice && notice.getBoundingClientRect().bottom <= 0) document.dispatchEvent(new CustomEvent('kontext:toast', { detail: notice.textContent.trim() }));
}

// Nobody answered. Looking again shows the page's own words for that; a form that was sent may have been taken.
function failed(options, source) {
  const words = document.getElementById('load-failed');
  if (!options.method && words) {
    const content = document.getElementById('content').cloneNode(false);
    content.append(words.content.cloneNode(true), words.cloneNode(true));
    put(content, document.title, source);
  } else {
    document.dispatchEvent(new CustomEvent('kontext:toast', { detail: 'Kontext does not answer. Check your connection, reload the page and see whether it was done.' }));
  }
}
