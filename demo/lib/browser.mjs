// A person at a browser, as far as plain HTML forms go: keeps cookies, follows redirects, fills in forms and presses buttons.
const entities = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' };
const decode = (text) =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) => (hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : (entities[name] ?? all)));
const attributes = (tag) => Object.fromEntries([...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].slice(1).map(([, name, value]) => [name.toLowerCase(), decode(value ?? '')]));

/** A page: its address, status, text, and its forms with fields and buttons. */
function parse(url, status, html) {
  const forms = [...html.matchAll(/<form\b[^>]*>([\s\S]*?)<\/form>/gi)].map(([whole, inner]) => ({
    action: new URL(attributes(whole.match(/<form\b[^>]*>/i)[0]).action || url, url).href,
    fields: [...inner.matchAll(/<input\b[^>]*>/gi)].map(([tag]) => attributes(tag)),
    buttons: [...inner.matchAll(/(<button\b[^>]*>)([\s\S]*?)<\/button>/gi)].map(([, tag, label]) => ({ ...attributes(tag), label: decode(label.replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ').trim() })),
  }));
  const text = decode(html.replace(/<(style|script|title)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ').trim();
  return { url, status, text, forms };
}

export class Browser {
  #cookies = new Map();

  /** Opens an address; stops before a redirect to one that begins with `until`, and gives that as `location`. */
  open(url, until) {
    return this.#send(url, undefined, until);
  }

  /** Presses the first button whose label begins with `label` (in a form that `where` accepts), with these fields filled in or ticked. */
  press(page, label, fields = {}, until, where = () => true) {
    for (const form of page.forms) {
      const button = form.buttons.find((candidate) => candidate.label.startsWith(label));
      if (!button || !where(form)) continue;
      const values = form.fields
        .filter((field) => field.name && (field.type !== 'checkbox' || 'checked' in field || field.name in fields))
        .map((field) => [field.name, fields[field.name] ?? field.value ?? (field.type === 'checkbox' ? 'on' : '')]);
      if (button.name) values.push([button.name, button.value ?? '']);
      return this.#send(form.action, new URLSearchParams(values), until);
    }
    throw new Error(`No button "${label}" at ${page.url} (${page.status}): ${page.text.slice(0, 300)}`);
  }

  async #send(url, body, until) {
    for (let hops = 0; hops < 20; hops++) {
      const { host } = new URL(url);
      const jar = this.#cookies.get(host) ?? new Map();
      this.#cookies.set(host, jar);
      const answer = await fetch(url, {
        method: body ? 'POST' : 'GET',
        body,
        redirect: 'manual',
        headers: jar.size ? { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } : {},
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
        else jar.set(name, value);
      }
      const location = answer.headers.get('location');
      if (answer.status < 300 || answer.status >= 400 || !location) return parse(url, answer.status, await answer.text());
      url = new URL(location, url).href;
      if (until && url.startsWith(until)) return { url, status: answer.status, text: '', forms: [], location: new URL(url) };
      body = undefined;
    }
    throw new Error('Too many redirects.');
  }
}
