"""A ledger in memory, with the rules of the real one: answered calls are found again, failed ones only kept."""

from curation.records import Call


class MemoryLedger:
    """`calls` are all recorded, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def find(self, key: str) -> Call | None:
        return next((call for call in self.calls if call.key == key and call.status == "ok"), None)

    async def claim(self, key: str) -> Call | None:
        return await self.find(key)

    def release(self, key: str) -> None:
        """Nobody else is there to wait for it."""

    def record(self, call: Call) -> None:
        self.calls.append(call)
