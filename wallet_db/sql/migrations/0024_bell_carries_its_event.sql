-- The doorbell is given the event it rings for, and carries it.
drop function if exists ring_doorbell();
