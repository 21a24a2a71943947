"""Which answers a client is not sent again."""

from __future__ import annotations

import pytest

from cinematch.api.conditional import unless_known

ANSWER = {"user_id": "u", "freshness": {"applied_sequence": 7}}
TAG = unless_known(ANSWER, None).headers["etag"]


@pytest.mark.parametrize("header", [TAG, f"W/{TAG}", f'"other", {TAG}', f'{TAG} , W/"x"', "*", " * "])
def test_the_current_answer_is_not_sent_again(header: str) -> None:
    response = unless_known(ANSWER, header)
    assert (response.status_code, bytes(response.body), response.headers["etag"]) == (304, b"", TAG)
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("header", [None, "", '"other"', TAG.strip('"'), TAG[:-1], f'"{TAG[1:3]}"', "W/", '"', "\xff"])
def test_any_other_is_sent(header: str | None) -> None:
    response = unless_known(ANSWER, header)
    assert (response.status_code, response.headers["etag"]) == (200, TAG)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "other", [{"user_id": "v"}, {"freshness": {"applied_sequence": 8}}, {"freshness": {"applied_sequence": 7, "x": 0}}]
)
def test_whatever_an_answer_claims_is_in_its_tag(other: dict[str, object]) -> None:
    assert unless_known(ANSWER | other, TAG).status_code == 200
