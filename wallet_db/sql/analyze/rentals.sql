-- The rentals made from $1 until $2: how many stand or ended how, and why: a row a status and error code ('': none).
select status, coalesce(error_code, '') as error_code, count(*) as rentals
  from rentals
 where created_at >= $1 and created_at < $2
 group by 1, 2
 order by 3 desc, 1, 2;
