"""The lake's bucket is looked for first, and made only where it lacks, in the region of the settings.

The server only answers as S3 does: MinIO knows no regions, and its owner may do everything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.errors import AccessRefused, StoreUnavailable

REFUSED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
TAKEN = b"<Error><Code>BucketAlreadyOwnedByYou</Code><Message>yours</Message></Error>"


@dataclass
class Answers:
    """What the server answers to HEAD and PUT of a bucket, and what it was asked: method, signature, body."""

    head: int = 200
    put: tuple[int, bytes] = (200, b"")
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def __init__(self, answers: Answers, *arguments: object) -> None:
        self.answers = answers
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(self.answers.head, b"")

    def do_PUT(self) -> None:
        self._answer(*self.answers.put)

    def _answer(self, status: int, answer: bytes) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.answers.asked.append((self.command, self.headers.get("Authorization", ""), body))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def address(answers: Answers) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answers))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ensure(address: str, region: str = "eu-south-1") -> None:
    ensure_bucket(address, "key", "secret", "lake", region=region)


def test_a_bucket_that_is_there_needs_no_right_to_make_one(answers: Answers, address: str) -> None:
    answers.put = (403, REFUSED)
    ensure(address)
    assert answers.methods == ["HEAD"]


def test_a_bucket_that_lacks_is_made_in_the_region_of_the_settings(answers: Answers, address: str) -> None:
    answers.head = 404
    ensure(address)
    assert answers.methods == ["HEAD", "PUT"]
    assert all("/eu-south-1/s3/" in signature for _, signature, _ in answers.asked)
    assert "<LocationConstraint>eu-south-1</LocationConstraint>" in answers.asked[1][2]


def test_the_first_region_is_not_named(answers: Answers, address: str) -> None:
    answers.head = 404
    ensure(address, "us-east-1")
    assert answers.methods == ["HEAD", "PUT"]
    assert "LocationConstraint" not in answers.asked[1][2]


def test_whoever_was_first_to_make_it_is_no_error(answers: Answers, address: str) -> None:
    answers.head, answers.put = 404, (409, TAKEN)
    ensure(address)


@pytest.mark.parametrize(("head", "put"), [(403, (200, b"")), (404, (403, REFUSED))])
def test_a_refusal_is_one(answers: Answers, address: str, head: int, put: tuple[int, bytes]) -> None:
    answers.head, answers.put = head, put
    with pytest.raises(AccessRefused):
        ensure(address)


def test_a_bucket_of_another_region_is_not_made_again(answers: Answers, address: str) -> None:
    answers.head = 400  # S3 does not accept a signature for another region
    with pytest.raises(StoreUnavailable):
        ensure(address)
    assert "PUT" not in answers.methods
