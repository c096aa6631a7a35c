-- The bell is given the event by whoever has just written it, and reads no row. Functions are applied again after this.
drop function if exists ring_doorbell(uuid, bigint);
