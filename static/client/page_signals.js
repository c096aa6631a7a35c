/**
 * What a browser says about its network and its page. Elsewhere, as in Node, it says nothing.
 */

/**
 * @param {Window | undefined} window
 * @param {{ onOnline?: () => void, onOffline?: () => void, onVisible?: () => void }} handlers
 * @returns {() => void} Ends it.
 */
export function listenToPage(window, { onOnline, onOffline, onVisible }) {
  const ending = new AbortController();
  const listen = (target, type, handler) => {
    if (handler) target?.addEventListener?.(type, handler, { signal: ending.signal });
  };
  listen(window, 'online', onOnline);
  listen(window, 'offline', onOffline);
  listen(window?.document, 'visibilitychange', () => {
    if (window.document.visibilityState === 'visible') onVisible?.();
  });
  return () => ending.abort();
}
