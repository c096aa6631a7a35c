"""Virtual cards over HTTP: customers, cards, what is on them, and what their provider tells by itself.

A card, money put on one and a block are rows that the pollers carry out, as orders are; these routes write them, then
wait a while for what comes of it. Everybody sees their own cards, operators all; a card's number its owner alone.
"""

from gateway.api.cards import card, card_webhook, cards, customers, offer

OPERATIONS = (*offer.OPERATIONS, *customers.OPERATIONS, *cards.OPERATIONS, *card.OPERATIONS, *card_webhook.OPERATIONS)
