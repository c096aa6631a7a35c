/**
 * What can be bought, found and put in order. Pure.
 *
 * @typedef {{ service: string, country: string, price: string, stock: number | null, success: number | null }} Offer
 */

/** How offers can be sorted; those of which nothing is known come last. */
const ORDERS = {
  service: () => 0,
  price: (a, b) => Number(a.price) - Number(b.price),
  success: (a, b) => (b.success ?? -1) - (a.success ?? -1),
  stock: (a, b) => (b.stock ?? -1) - (a.stock ?? -1),
};

/**
 * @param {Offer[]} offers
 * @param {{ words: string, by: keyof typeof ORDERS, stockedOnly: boolean }} wanted Each word is somewhere in the names.
 * @param {{ service: (slug: string) => string, country: (slug: string) => string }} titles
 * @param {(a: string, b: string) => number} compare Of titles, for what is otherwise equal.
 * @returns {Offer[]}
 */
export function findOffers(offers, { words, by, stockedOnly }, titles, compare) {
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  const named = offers.map((offer) => {
    const [service, country] = [titles.service(offer.service), titles.country(offer.country)];
    return { offer, service, country, names: plain(`${service} ${country} ${offer.service} ${offer.country}`) };
  });
  return named
    .filter(({ offer, names }) => wanted.every((word) => names.includes(word)) && (!stockedOnly || offer.stock > 0))
    .sort((a, b) => ORDERS[by](a.offer, b.offer) || compare(a.service, b.service) || compare(a.country, b.country))
    .map(({ offer }) => offer);
}

/** @param {Offer[]} offers @returns {Offer | undefined} */
export function offerOf(offers, service, country) {
  return offers.find((each) => each.service === service && each.country === country);
}

/**
 * Why it cannot be bought now, as far as the page knows: a stock nobody has told, and funds not known, are no reason.
 * @param {Offer | undefined} offer
 * @param {string | null} available Of the wallet.
 * @returns {string} A text's key, or ''.
 */
export function obstacleOf(offer, available) {
  if (offer === undefined) return 'buy.off';
  if (offer.stock === 0) return 'buy.sold_out';
  return isShort(offer.price, available) ? 'buy.no_funds' : '';
}

/** @param {string} price @param {string | null} available Null: not known yet. */
export function isShort(price, available) {
  return available !== null && Number(price) > Number(available);
}

/** Lower case, and letters without their accents: who types `bresil` finds Brésil. */
function plain(text) {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}
