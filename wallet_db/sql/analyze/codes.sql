-- What providers are asked for when a service is bought, by its full name or by a code, and how often that brought an
-- SMS: the attempts from $1 until $2 that are decided (route_attempts.served). The codes are those of today. What users
-- typed is not kept: an order knows its service only.
select s.service, s.code, s.code = s.service as is_name, array_agg(s.provider order by s.provider) as providers,
       sum(t.decided)::bigint as decided, sum(t.delivered)::bigint as delivered
  from (select provider, service, count(*) as decided, count(*) filter (where served) as delivered
          from route_attempts
         where started_at >= $1 and started_at < $2 and served is not null
         group by 1, 2) t
  join provider_services s using (provider, service)
 group by 1, 2
 order by 1, 2;
