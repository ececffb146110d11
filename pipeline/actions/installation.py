"""One installation, and what is made of its settings once for all who work with it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.actions.last_seen import LastSeen
from pipeline.actions.run_folders import RunFolders
from pipeline.core.errors import EngineUnreachable
from pipeline.core.outages import Outages, within
from pipeline.core.said import said
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.engines.base import Engine
from pipeline.engines.registry import make_engine

if TYPE_CHECKING:
    from pipeline.tracking.reader import Tracking

_T = TypeVar("_T")


class Installation:
    """Settings, volume, engines and tracking, and who of them is down; safe for threads.

    A process makes one. Whatever costs something is made when it is asked for first.

    Parameters
    ----------
    settings
        Where everything is.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.volume = Volume(settings.volume, settings.data_roots)
        self.last_seen = LastSeen(settings.state / "last-seen")
        self._outages = Outages()
        self._kept: dict[object, Any] = {}
        self._lock = RLock()

    def as_user(self, user: str) -> Installation:
        """Give the same installation with another person at work."""
        return self._with(replace(self.settings, user=user))

    def on(self, engine: str) -> Installation:
        """Give the same installation with launches going to this engine."""
        return self._with(replace(self.settings, engine=engine))

    def engine(self, name: str = "") -> Engine:
        """Give the engine of a name, else the one that launches go to."""
        name = name or self.settings.engine
        # Whoever asks first, it is everybody's.
        return self._once(name, lambda: make_engine(replace(self.settings, engine=name)))

    @property
    def engines(self) -> dict[str, Engine]:
        """All engines that are offered, by name."""
        return {name: self.engine(name) for name in self.settings.engines}

    @property
    def tracking(self) -> Tracking:
        """The reader of MLflow."""
        from pipeline.tracking.reader import Tracking  # forms do without

        return self._once(Tracking, lambda: Tracking(self.settings))

    @property
    def folders(self) -> RunFolders:
        """What the folders of launches say."""
        return self._once(
            RunFolders, lambda: RunFolders(self.volume, self.settings.state / "run-folders.db")
        )

    def ask(
        self,
        engine: Engine,
        question: Callable[..., _T],
        *words: Any,
        limit_s: float | None = None,
    ) -> _T:
        """Ask an engine a question with these words, unless it has just not answered.

        A page that refreshes every few seconds must not wait for a time-out each time.

        Parameters
        ----------
        limit_s
            How long to wait for the answer; None waits as long as the engine's own client does.

        Raises
        ------
        EngineUnreachable
            It does not answer, or did not a while ago.
        """

        def in_time() -> _T:
            if limit_s is None:
                return question(*words)
            try:
                return within(limit_s, lambda: question(*words))
            except TimeoutError:
                raise EngineUnreachable(
                    said(
                        "engine '{name}' gave no answer within {limit_s:g} s.",
                        name=engine.name,
                        limit_s=limit_s,
                    ),
                    next=said("Runs go on; it is asked again by itself."),
                ) from None

        return self._outages.ask(engine.name, in_time)

    def memory(self, kind: type[_T]) -> _T:
        """Give what an action remembers of this installation, empty at first."""
        return self._once(kind, kind)

    def _once(self, key: object, make: Callable[[], _T]) -> _T:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            made: _T = self._kept[key]
            return made

    def _with(self, settings: Settings) -> Installation:
        other = copy(self)
        other.settings = settings
        return other
