-- What can be sold, with the SMS-Activate protocol's codes; `none` and `dry` exist at the simulator only. Prices are the
-- operator's to set: `python -m wallet_db price whatsapp 5.00`. The epoch names this history of events; see new_epoch().

insert into services (service, code, title) values
    ('whatsapp', 'wa', 'WhatsApp'), ('telegram', 'tg', 'Telegram'), ('google', 'go', 'Google'),
    ('instagram', 'ig', 'Instagram'), ('facebook', 'fb', 'Facebook'), ('twitter', 'tw', 'X (Twitter)'),
    ('viber', 'vi', 'Viber'), ('wechat', 'wb', 'WeChat'), ('vkontakte', 'vk', 'VKontakte'), ('apple', 'wx', 'Apple'),
    ('openai', 'dr', 'OpenAI'), ('amazon', 'am', 'Amazon'), ('microsoft', 'mm', 'Microsoft'), ('other', 'ot', 'Other'),
    ('none', 'none', 'Demo: no SMS ever'), ('dry', 'dry', 'Demo: no numbers left');

insert into countries (country, code, title) values
    ('indonesia', '6', 'Indonesia'), ('russia', '0', 'Russia'), ('ukraine', '1', 'Ukraine'),
    ('kazakhstan', '2', 'Kazakhstan'), ('philippines', '4', 'Philippines'), ('malaysia', '7', 'Malaysia'),
    ('vietnam', '10', 'Vietnam'), ('usa', '187', 'USA'), ('usavirtual', '12', 'USA (virtual)'),
    ('england', '16', 'United Kingdom'), ('india', '22', 'India'), ('colombia', '33', 'Colombia'),
    ('germany', '43', 'Germany'), ('thailand', '52', 'Thailand'), ('turkey', '62', 'Turkey'), ('brazil', '73', 'Brazil');

insert into settings (key, value) values
    ('timeout_refund_percent', '100'),
    ('events_epoch', to_jsonb(substr(md5(gen_random_uuid()::text), 1, 8)));
