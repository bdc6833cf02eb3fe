"""What does the command palette offer? Every key's action, what people look for most first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from perfwatch.tui.keys import Key, keys_of, spoken

if TYPE_CHECKING:
    from perfwatch.tui.app import Dashboard

GROUPS = ("replay", "run", "view", "screens", "perfwatch", "moving")
"""Of the table of keys, in the order of the palette."""
_ITSELF = ("command_palette", "close")


class Commands(Provider):
    """Gives Textual's palette its lines."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for key in self._keys():
            yield DiscoveryHit(_title(key), self._runner(key.action), help=f"key {spoken(key.keys)}")

    async def search(self, query: str) -> Hits:
        """Those that match what was typed, the best first."""
        matcher = self.matcher(query)
        for key in self._keys():
            score = matcher.match(_title(key))
            if score > 0:
                shown = matcher.highlight(_title(key))
                yield Hit(score, shown, self._runner(key.action), help=f"key {spoken(key.keys)}")

    def _keys(self) -> list[Key]:
        app: Dashboard = self.app  # type: ignore[assignment]
        offered = [key for key in keys_of(replay=app.replays) if key.action not in _ITSELF]
        return sorted(offered, key=lambda key: GROUPS.index(key.group))

    def _runner(self, action: str) -> Any:
        app: Dashboard = self.app  # type: ignore[assignment]

        async def run() -> None:
            app.uncover()
            await app.run_action(action)

        return run


def _title(key: Key) -> str:
    return key.words[0].upper() + key.words[1:]
