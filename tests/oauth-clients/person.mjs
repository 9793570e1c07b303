// The person at the browser, for client programs that authorize against KONTEXT_URL.
import { Browser } from '../../demo/lib/browser.mjs';

/** Signs in where asked, allows, and gives the address the answer was sent to. */
export async function allow(browser, url, redirectUri, person) {
  let page = await browser.open(url, redirectUri);
  if (page.forms?.some((form) => form.fields.some((field) => field.name === 'username'))) page = await browser.press(page, 'Sign in', { username: person }, redirectUri);
  if (!page.location) page = await browser.press(page, 'Allow', {}, redirectUri);
  return page.location;
}

export const newBrowser = () => new Browser();
