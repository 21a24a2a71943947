"""A cron expression means here what it means to cron, the days of a week included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batch_layer.cron_expression import cron_trigger

SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def days_of(field: str) -> list[str]:
    """The days of one week, Sunday first, on which three o'clock is due."""
    trigger = cron_trigger(f"0 3 * * {field}")
    midnights = [SUNDAY + timedelta(days=number) for number in range(7)]
    due = [trigger.get_next_fire_time(None, midnight) for midnight in midnights]
    return [day for day, midnight, at in zip(DAYS, midnights, due, strict=True) if at == midnight + timedelta(hours=3)]


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("*", "sun mon tue wed thu fri sat"),
        ("0", "sun"),
        ("7", "sun"),
        ("1", "mon"),
        ("6", "sat"),
        ("1-5", "mon tue wed thu fri"),
        ("5-7", "sun fri sat"),
        ("0-3", "sun mon tue wed"),
        ("0-7", "sun mon tue wed thu fri sat"),
        ("1,3", "mon wed"),
        ("0,2-4,sat", "sun tue wed thu sat"),
        ("*/2", "sun tue thu sat"),
        ("1-5/2", "mon wed fri"),
        ("2/2", "tue thu sat"),
        ("mon-fri", "mon tue wed thu fri"),
        ("MON,sun", "sun mon"),
    ],
)
def test_days_of_a_week_are_counted_as_cron_counts_them(field: str, days: str) -> None:
    assert days_of(field) == days.split()


def test_the_other_fields_are_left_as_they_are() -> None:
    due = cron_trigger("*/20 4-5 7 mar *").get_next_fire_time(None, SUNDAY)
    assert due == datetime(2026, 3, 7, 4, tzinfo=UTC)
