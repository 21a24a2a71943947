"""The notebook on the lake, executed from its first cell to its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pytest
from nbclient import NotebookClient

from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from tests.environments import environment_of
from tests.histories import add, delete, update
from tests.lakes import store_events

NOTEBOOK = Path(__file__).parents[3] / "docs" / "notebooks" / "lake.ipynb"
pytestmark = pytest.mark.integration

FIRST = add(1, "m1", 7.5, user_id="ann", genres=("Drama",))
SECOND = add(2, "m2", 6.0, user_id="ann", genres=("Drama", "Comedy"))
ANN = [FIRST, SECOND, update(3, FIRST, 9.0), delete(4, SECOND)]
BEN = [add(1, "m1", user_id="ben", genres=("Drama",))]


def stored_notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def executed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the notebook on this lake, and on no stack that may run; give what each cell of code showed."""
    for variable, value in environment_of(settings, cinematch_data_dir=tmp_path / "no-stack").items():
        monkeypatch.setenv(variable, value)
    notebook = stored_notebook()
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    return ["".join(map(shown, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]


def shown(output: Any) -> str:
    text: str = output.text if output.output_type == "stream" else output.data["text/plain"]
    return text


def cells_of(table: str) -> list[list[str]]:
    """Give the rows of a table as DuckDB draws it, its head left out."""
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines[2:]]


def test_it_finds_each_event_once_and_replays_the_lists(
    settings: Settings, minio_server: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(settings, [*ANN, *ANN[:2]])  # a relay was killed and published two events again
    store_events(settings, BEN, partition=1)
    objects, types, once, incomplete, lists, genres, changes = executed(settings, tmp_path, monkeypatch)
    assert objects == "2"
    assert cells_of(types) == [["ADD", "5"], ["DELETE", "1"], ["UPDATE", "1"]]
    assert cells_of(once) == [["7", "5"]]
    assert "0 rows" in incomplete
    assert cells_of(lists) == [["ann", "1", "9.0"], ["ben", "1", "NULL"]]
    assert cells_of(genres) == [["Drama", "2"]]
    assert cells_of(changes) == [["2.0", "1"]]


def test_it_names_whoever_lacks_an_event(
    settings: Settings, minio_server: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(settings, [ANN[0], *ANN[2:]])
    incomplete = executed(settings, tmp_path, monkeypatch)[3]
    assert cells_of(incomplete) == [["ann", "3", "4"]]


def test_it_is_kept_without_outputs() -> None:
    notebook = stored_notebook()
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_tables_are_drawn_as_the_tests_read_them() -> None:
    assert cells_of(str(duckdb.sql("SELECT 1 AS one, 'x' AS two"))) == [["1", "x"]]
