/**
 * What dollars on a card cost, as the service counts it: exactly, in whole cents. Pure.
 */

const AMOUNT = /^\d{1,7}([.,]\d{1,2})?$/;

/** @typedef {{ on_sale: boolean, creation_fee: string, usd_price: string, funding_fee_percent: string, usd_min: string,
 *   usd_max: string }} CardOffer Money as decimal strings. */

/** @param {string} typed As somebody typed it, `20` or `20,5`. @returns {string | null} `20.50`; null: no amount. */
export function amountOf(typed) {
  const text = typed.trim();
  if (!AMOUNT.test(text)) return null;
  const [whole, cents = ''] = text.split(/[.,]/);
  return `${BigInt(whole)}.${cents.padEnd(2, '0')}`;
}

/** @param {CardOffer} offer @param {string} usd As of `amountOf`. @returns {boolean} Whether so many are sold at once. */
export function isInRange(offer, usd) {
  const cents = scaled(usd, 2);
  return cents >= scaled(offer.usd_min, 2) && cents <= scaled(offer.usd_max, 2);
}

/** @param {CardOffer} offer @param {string} usd @param {boolean} isNew Whether the card itself is bought, too. @returns {string} */
export function priceOf(offer, usd, isNew) {
  const share = 10_000n + scaled(offer.funding_fee_percent, 2);
  const exact = scaled(usd, 2) * scaled(offer.usd_price, 6) * share; // with twelve decimals
  const cents = (exact + 5_000_000_000n) / 10_000_000_000n + (isNew ? scaled(offer.creation_fee, 2) : 0n);
  const text = cents.toString().padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** A decimal as a whole number of its last decimal; what is finer is not there. */
function scaled(decimal, decimals) {
  const [whole, part = ''] = decimal.split('.');
  return BigInt(whole + part.padEnd(decimals, '0').slice(0, decimals));
}
