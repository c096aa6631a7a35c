-- How a hold may end. Not CHECK constraints: those are read anew by every insert, and cost a freeze 10 %. After
-- the update, because a trigger before it would lock the row a second time.

create or replace trigger wallet_holds_end_once_and_whole
    after update on wallet_holds for each row execute function refuse_second_end();
