-- What becomes of an order after its end. An SMS that comes after the money went back is looked for, for a while; and
-- what an extension of a rental cost is known, so that the books with its provider agree to the cent.

-- Numbers given back lately, and closed orders that somebody said there may be news of. They ride along when all orders
-- of their account are looked at. A row goes when its time is over.
create table late_looks (
    activation_id  uuid         not null,
    provider       text         not null,
    due_at         timestamptz  not null,                    -- of the next look; while one is under way, its lease's end
    until          timestamptz  not null,                    -- no look is due after this
    hinted_at      timestamptz,                              -- it is asked about by itself, too
    constraint late_looks_pkey primary key (activation_id),
    constraint late_looks_activation_exists foreign key (activation_id) references activations
) with (fillfactor = 70);
create index late_looks_due on late_looks (provider, due_at);

alter table activations add column late_sms_at timestamptz;  -- it was served after its money went back: paid for there

alter table rentals
    add column extension_cost    numeric(14,4),              -- what the provider said just before; null: nothing
    add column extension_untold  numeric(14,2) not null default 0;  -- the price of those whose cost nobody has told

-- Until now no extension's cost was known.
update rentals r set extension_untold = h.amount
  from (select rental_id, sum(amount - refunded_amount) as amount from wallet_holds
         where transaction_id like 'rental:%:extension:%' and rental_id is not null group by rental_id) h
 where h.rental_id = r.id and h.amount > 0;

-- Their arguments or columns change.
drop function if exists begin_extension(uuid, timestamptz);
drop function if exists record_extension(uuid, timestamptz, timestamptz, timestamptz);
drop function if exists provider_orders(text, timestamptz, text[], timestamptz);
