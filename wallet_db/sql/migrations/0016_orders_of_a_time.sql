-- The orders of the last day, or month, without reading all there ever were. Rows come about in the order of time, and
-- stay near where they came: so a summary of each few blocks finds them. It has no entry for a row: an order's insert
-- only looks whether its blocks are summed up already, and an update does not touch it, for created_at never changes.
create index activations_of_a_time on activations using brin (created_at) with (pages_per_range = 16);
