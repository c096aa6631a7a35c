-- NaN is greater than any number to PostgreSQL, and a price that is none would be shown to every buyer.
update services set price = null where price = 'NaN';
update services set margin_percent = null where margin_percent = 'NaN';
update services set margin_fixed = 0 where margin_fixed = 'NaN';
update services set price_step = 0.01 where price_step = 'NaN';
update services set rental_price_hour = null where rental_price_hour = 'NaN';
alter table services
    drop constraint services_price_positive,
    drop constraint services_margin_percent_not_negative,
    drop constraint services_margin_fixed_not_negative,
    drop constraint services_price_step_positive,
    drop constraint services_rental_price_hour_positive,
    add constraint services_price_positive check (price > 0 and price < 'NaN'),
    add constraint services_margin_percent_not_negative check (margin_percent >= 0 and margin_percent < 'NaN'),
    add constraint services_margin_fixed_not_negative check (margin_fixed >= 0 and margin_fixed < 'NaN'),
    add constraint services_price_step_positive check (price_step > 0 and price_step < 'NaN'),
    add constraint services_rental_price_hour_positive check (rental_price_hour > 0 and rental_price_hour < 'NaN');
