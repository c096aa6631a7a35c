"""An account's cards as JSON and back, as `record.py` does it for numbers. Pure.

Invariant: `cards_from_json(cards_to_json(record)) == record`.
"""

from pydantic import TypeAdapter, ValidationError

from pollers.simulator.strowallet_account import CardsRecord

_RECORD = TypeAdapter(CardsRecord)


def cards_to_json(record: CardsRecord) -> bytes:
    """Write the record as one JSON object."""
    return _RECORD.dump_json(record)


def cards_from_json(raw: bytes) -> CardsRecord:
    """Read what `cards_to_json` wrote. Raises ValueError, its text one line, for everything else."""
    try:
        record = _RECORD.validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    known = {customer.id for customer in record.customers}
    ids = {card.id for card in record.cards}
    if record.balance < 0 or record.next_id <= max(ids, default=0) or len(ids) < len(record.cards):
        raise ValueError("expected funds, and every card once")
    if any(card.customer_id not in known or not card.transactions for card in record.cards):
        raise ValueError("expected every card to have a customer and what was first put on it")
    return record
