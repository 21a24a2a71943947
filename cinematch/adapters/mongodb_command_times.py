"""Times every command to MongoDB, by the driver's own hook."""

from __future__ import annotations

from typing import Final

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from cinematch.metrics.stores import MONGODB, operation

MICROSECONDS: Final = 1e6


class CommandTimes(CommandListener):
    """Reports each command by its name; a getMore that waits for news takes as long as it was allowed to."""

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing yet: the driver takes the time itself."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Report one."""
        operation(MONGODB, event.command_name).done(event.duration_micros / MICROSECONDS)

    def failed(self, event: CommandFailedEvent) -> None:
        """Report one that failed."""
        operation(MONGODB, event.command_name).failed(event.duration_micros / MICROSECONDS)
