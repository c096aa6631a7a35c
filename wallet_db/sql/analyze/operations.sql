-- The operations from $1 until $2 by type: how many, and their amounts added up.
select type, count(*) as operations, sum(amount) as amount
  from balance_operations
 where created_at >= $1 and created_at < $2
 group by 1
 order by 1;
