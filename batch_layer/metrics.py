"""The nightly batch in figures, found out from its records whenever somebody asks the scheduler for its metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily

from cinematch.contracts.batch_status import RunState, run_state
from cinematch.contracts.exclusion import Lease
from cinematch.contracts.generations import Generation, Generations, GenerationState
from cinematch.metrics import catalogue
from cinematch.metrics.instruments import gauge_family
from cinematch.metrics.metric import Metric

Moment = datetime | None


class BatchFigures:
    """Collects the figures. Raises StoreUnavailable; a figure that there is no value for is left out."""

    def __init__(self, generations: Generations, lease: Lease, next_run: Callable[[], Moment]) -> None:
        self._generations = generations
        self._lease = lease
        self._next_run = next_run

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give them as of now."""
        holder = self._lease.holder()
        records = self._generations.all()
        values = _of_published(records) | _of_last_run(records, holder)
        values[catalogue.BATCH_AGE] = _age_seconds(records)
        values[catalogue.BATCH_NEXT_RUN] = _timestamp(self._next_run())
        resets = [record.deltas_reset_at for record in records if record.deltas_reset_at is not None]
        values[catalogue.DELTAS_RESET] = _timestamp(max(resets, default=None))
        return [_runs(records, holder), *_families(values)]


def _of_published(records: Iterable[Generation]) -> dict[Metric, float | None]:
    published = next((record for record in records if record.is_published), None)
    if published is None:
        return {}
    return {
        catalogue.BATCH_GENERATION: published.number,
        catalogue.BATCH_EVENTS: published.events,
        catalogue.BATCH_USERS: published.users,
        catalogue.BATCH_WAITING: published.waiting_users,
    }


def _age_seconds(records: Sequence[Generation]) -> float | None:
    """Give the time since the published generation's run began; without one since the first of all, which may hang."""
    published = (record.started_at for record in records if record.is_published)
    began = next(published, None) or min((record.started_at for record in records), default=None)
    return None if began is None else (datetime.now(UTC) - began).total_seconds()


def _of_last_run(records: Iterable[Generation], holder: str | None) -> dict[Metric, float | None]:
    """Figures of the newest run that is over, an abandoned one included (whose end nobody knows)."""
    last = next((record for record in records if run_state(record, holder) is not RunState.RUNNING), None)
    if last is None:
        return {}
    seconds = (last.finished_at - last.started_at).total_seconds() if last.finished_at else None
    failed = run_state(last, holder) is not RunState.SUCCEEDED
    return {catalogue.BATCH_SECONDS: seconds, catalogue.BATCH_LAST_FAILED: float(failed)}


def _runs(records: Iterable[Generation], holder: str | None) -> GaugeMetricFamily:
    counts = Counter(_state(record, holder) for record in records)
    family = gauge_family(catalogue.BATCH_RUNS)
    for state in GenerationState:
        family.add_metric([state.value], counts[state])
    return family


def _state(record: Generation, holder: str | None) -> GenerationState:
    """A run that nobody is at any more has failed, although its record cannot say so."""
    is_building = record.state is GenerationState.BUILDING
    return GenerationState.FAILED if is_building and run_state(record, holder) is RunState.ABANDONED else record.state


def _families(values: Mapping[Metric, float | None]) -> Iterator[GaugeMetricFamily]:
    for metric, value in values.items():
        if value is not None:
            family = gauge_family(metric)
            family.add_metric([], value)
            yield family


def _timestamp(moment: Moment) -> float | None:
    return None if moment is None else moment.timestamp()
