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

/** Enters a code that a device shows, says that it was started by the person, and allows. */
export async function allowDevice(browser, url, userCode, person) {
  let page = await browser.open(url);
  page = await browser.press(page, 'Sign in', { username: person });
  page = await browser.press(page, 'Continue', { user_code: userCode });
  page = await browser.press(page, 'Allow', { started: 'yes' });
  if (page.status !== 200) throw new Error(`The device page answered ${page.status}: ${page.text.slice(0, 300)}`);
}
