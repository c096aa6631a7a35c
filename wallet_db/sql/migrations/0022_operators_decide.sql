-- Operators decide about services as they do about routes.

alter table services
    add column decided_by               text not null default 'rule',  -- who says whether it is warned
    add column former_price             numeric(14,2),                 -- what it comes back with when enabled again
    add column former_rental_price_hour numeric(14,2),
    add constraint services_decided_by_known check (decided_by in ('rule', 'operator'));
