"""How users are dealt out to groups."""

from __future__ import annotations

from batch_layer.transform import ROWS_OF_A_GROUP, USERS_OF_A_GROUP, groups_for


def test_a_group_has_a_bounded_number_of_users_and_rows() -> None:
    users = [groups_for(users, 0) for users in (0, 1, USERS_OF_A_GROUP, USERS_OF_A_GROUP + 1)]
    rows = [groups_for(1, rows) for rows in (ROWS_OF_A_GROUP, ROWS_OF_A_GROUP + 1, 3 * ROWS_OF_A_GROUP)]
    assert (users, rows) == ([1, 1, 1, 2], [1, 2, 3])
