/**
 * The session of this tab: its token and the name to greet with.
 *
 * Kept in sessionStorage rather than localStorage: it survives a reload, ends with the tab, and two tabs can be two
 * users, which is what a demo wants. Script on this origin can read either; the page's Content-Security-Policy is what
 * keeps foreign script out.
 */

const KEY = 'onesms.session';

/** @returns {{ token: string, name: string } | null} */
export function loadSession() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function saveSession({ token, name }) {
  sessionStorage.setItem(KEY, JSON.stringify({ token, name }));
}

export function forgetSession() {
  sessionStorage.removeItem(KEY);
}
