-- The notifier: it reads events and the epoch they belong to. LISTEN, NOTIFY and advisory locks need no grant.

grant execute on function iso_utc, event_line to onesms_notifier;
grant select on events, settings to onesms_notifier;
