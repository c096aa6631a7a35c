from notifier.missing import HIGHEST_ID, Unread


def note(unread: Unread, ids: list[int], xmin: int, *, complete: bool = True) -> bool:
    return unread.note(ids, xmin, complete=complete)


def test_ids_in_order_leave_no_gap() -> None:
    unread = Unread(10)
    assert not note(unread, [11, 12, 13], 100)
    assert (unread.last, unread.missing) == (13, 0)
    assert (unread.ranges().firsts, unread.ranges().lasts) == ([14], [HIGHEST_ID])


def test_a_gap_is_read_again_until_it_has_come() -> None:
    unread = Unread(0)
    assert note(unread, [1, 5], 100)
    unread.bound(200)
    assert (unread.ranges().firsts, unread.ranges().lasts) == ([2, 6], [4, HIGHEST_ID])
    note(unread, [3], 150)
    assert (unread.ranges().firsts, unread.ranges().lasts) == ([2, 4, 6], [2, 4, HIGHEST_ID])
    note(unread, [2, 4], 150)
    assert unread.missing == 0


def test_a_gap_is_dropped_only_when_its_horizon_is_reached() -> None:
    unread = Unread(0)
    note(unread, [2], 500)
    note(unread, [], 10**9)
    assert unread.missing == 1, "no horizon yet: nothing is known of who holds it"
    unread.bound(501)
    note(unread, [], 500)
    assert unread.missing == 1
    note(unread, [], 501)
    assert unread.missing == 0


def test_an_answer_cut_off_says_nothing_about_what_is_above() -> None:
    unread = Unread(0)
    note(unread, [2, 4, 6], 1)
    unread.bound(10)
    note(unread, [1], 10, complete=False)
    assert (unread.ranges().firsts, unread.last) == ([3, 5, 7], 6)
    note(unread, [], 10)
    assert unread.missing == 0


def test_many_missing_ids_grow_old_oldest_first() -> None:
    unread = Unread(0, recent_ids_max=2)
    note(unread, [2, 4, 6, 8], 1)
    unread.bound(10)
    assert unread.ranges().firsts == [5, 7, 9]
    assert unread.old_ranges().firsts == [1, 3]
    assert [event_id for event_id in range(9) if unread.is_old(event_id)] == [1, 3]
    unread.note_old([3], 5, complete=True)
    assert unread.old_ranges().firsts == [1]
    unread.note_old([], 10, complete=True)
    assert not unread.has_old
    assert unread.missing == 2


def test_a_gap_that_grows_old_before_it_has_a_horizon_gets_it() -> None:
    unread = Unread(0, recent_ids_max=1)
    assert note(unread, [10_000_000, 10_000_002], 1)
    unread.bound(7)
    assert unread.old_ranges().lasts == [9_999_999]
    unread.note_old([], 7, complete=True)
    note(unread, [], 7)
    assert unread.missing == 0


def test_gaps_are_bounded() -> None:
    unread = Unread(0, recent_ids_max=0, gaps_max=3)
    note(unread, [2, 4, 6, 8, 10], 1)
    assert unread.old_ranges().firsts == [5, 7, 9]
    assert unread.forgotten == 2
