"""The samples one tab has in hand: leased, read ahead, judged one after another, and taken back.

Nothing here draws. A press names the sample it was meant for; a press for another than the one on the screen decides
nothing, because keys pressed fast arrive after the next sample is there.
"""

import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from storage.desk import Desk, Wanted
from storage.leases import SECONDS, Leases
from storage.reviews import Decision, decide, undo
from ui.reading import Row, Whole, wholes

AHEAD = 6  # samples leased and read beyond the one on the screen
LOOK = 600  # samples asked of the queue to find those that nobody holds
KEEP = 60.0  # seconds for which the rest of them is taken for the front of the queue
READERS = ThreadPoolExecutor(4, thread_name_prefix="read-ahead")


@dataclass(slots=True)
class Card:
    """A sample in hand: its row of the index, all there is on it, and what was decided here."""

    row: Row
    whole: Whole
    decided: str = ""
    shown: float = 0.0
    read: float = field(default_factory=time.monotonic)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return self.row["sample_id"], self.row["sample_key"]

    @property
    def id(self) -> str:
        """Names the sample in widget keys; never shown."""
        return f"{self.row['run_id']}/{self.row['sample_id']}/{self.row['sample_key']}"


@dataclass(frozen=True, slots=True)
class Done:
    """An event of this tab, for undo: its card, and what of the card it changed."""

    card: Card
    event: str
    before: tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Spare:
    """Samples of the last look that we did not take: sorting a million anew for every six costs a core."""

    keys: list[tuple[str, str]] = field(default_factory=list)
    since: float = 0.0
    index: str = ""

    def fresh(self, desk: Desk) -> bool:
        """Whether they may still be the front of the queue."""
        return bool(self.keys) and time.monotonic() - self.since < KEEP and self.index == desk.index.stamp


class Hand:
    """The cards of one tab for one queue. Used by the page's thread; reading ahead happens beside it."""

    def __init__(self, desk: Desk, wanted: Wanted, *, read_only: bool = False, adjudicates: bool = False) -> None:
        self.desk, self.wanted, self.read_only, self.adjudicates = desk, wanted, read_only, adjudicates
        self.holder = f"{desk.name}.{secrets.token_hex(8)}"
        self.cards: list[Card] = []
        self.at = 0
        self.done: list[Done] = []
        self.finished = False
        self.held = False  # whether what is left is in others' hands
        self._spare = Spare()
        self._leases = Leases(desk.store)
        self._reading: Future[None] | None = None
        self._lock = threading.Lock()

    def current(self) -> Card | None:
        """The card on the screen; waits for reading only when none is in hand."""
        while self.at >= len(self.cards) and not self.finished:
            self._read_ahead().result()
        if self.at >= len(self.cards):
            return None
        card = self.cards[self.at]
        card.shown = card.shown or time.monotonic()
        return card

    def read_ahead(self) -> None:
        """Have the next samples ready, without waiting for them."""
        if len(self.cards) - self.at <= AHEAD // 2 and not self.finished:
            self._read_ahead()

    def decide(self, card_id: str, decision: str, **rest: Any) -> str:
        """Record a decision on the card it names and go on; returns what to tell the person, '' when all is well."""
        if self.read_only:
            return "You may look and not decide: nothing was decided."
        card = self.current()
        if card is None or card.id != card_id:
            return "That press was meant for another sample: nothing was decided."
        if not self._holds(card):
            card.decided = "taken"
            self.go(self.at, self.at + 1)
            return "Somebody else has taken this sample meanwhile: nothing was decided."
        event = decide(self.desk.store, self._event(card, decision, rest))
        self.done.append(Done(card, event, (card.decided, dict(card.notes))))
        if decision in ("flag", "first_wrong_step"):
            return ""
        card.decided = decision
        self._leases.give_back(self.holder, [card.key])
        self.at = next((n for n in range(self.at + 1, len(self.cards)) if not self.cards[n].decided), len(self.cards))
        return ""

    def undo(self, event: str) -> str:
        """Take back this tab's last event, if it still is `event`; '' when all is well.

        Its sample is shown again, unless it was judged under another filter and this one does not take it.
        """
        if not event or self.last != event:
            return "That press was meant for an earlier decision: nothing was taken back."
        card = self.done[-1].card
        # The lease first: once the decision is taken back, the sample is in everybody's queue.
        held = self._leases.take(self.holder, self.wanted.annotator, [card.key], annotators=self._places())
        undo(self.desk.store, event, self.wanted.annotator)
        done = self.done.pop()
        self.desk.take_in(at_once=True)
        place = next((n for n, each in enumerate(self.cards) if each.key == card.key), None)
        if place is None:
            if not held or not self.desk.still(self.wanted, held):
                self._leases.give_back(self.holder, held)
                return ""
            place = self.at
            self.cards.insert(place, card)
        self.at, card = place, self.cards[place]
        card.decided, card.notes = done.before
        card.shown = time.monotonic()
        return ""

    @property
    def last(self) -> str:
        """This tab's last event that stands; '' before the first."""
        return self.done[-1].event if self.done else ""

    def go(self, here: int, there: int) -> None:
        """From place `here` look at place `there` without deciding; a press drawn for another place goes nowhere."""
        if self.at != here:
            return
        self.at = max(0, min(there, len(self.cards)))
        if card := self.current():
            card.shown = time.monotonic()

    def again(self) -> None:
        """Ask the queue once more, after it had nothing."""
        self.finished, self._spare = False, Spare()

    def leave(self) -> None:
        """Let others have what is in hand."""
        self._leases.give_back(self.holder)

    def _holds(self, card: Card) -> bool:
        """Whether the card is still ours to decide on, also after a pause in which its lease may have run out."""
        if not self._leases.holds(self.holder, self.wanted.annotator, card.key, annotators=self._places()):
            return False
        paused = time.monotonic() - card.read > SECONDS and not card.decided
        return not paused or bool(self.desk.still(self.wanted, [card.key]))

    def _event(self, card: Card, decision: str, rest: dict[str, Any]) -> Decision:
        seconds = round(min(3600.0, time.monotonic() - card.shown), 2)
        plain = Decision(*card.key, self.wanted.annotator, decision, card.row["run_id"], card.row["judged"])
        return replace(plain, seconds=seconds, adjudicates=self.adjudicates, **rest)

    def _places(self) -> int:
        """How many annotators may hold one sample at a time."""
        return self.wanted.annotators if self.wanted.queue == "pending" else max(2, self.wanted.annotators)

    def _read_ahead(self) -> "Future[None]":
        with self._lock:
            if self._reading is None or self._reading.done():
                self._reading = READERS.submit(self._read)
            return self._reading

    def _read(self) -> None:
        self.desk.take_in()
        rows, left = self._lease(self._spare.keys) if self._spare.fresh(self.desk) else ([], False)
        if not rows:
            for offset in range(0, LOOK * 4, LOOK):  # others may hold everything at the front of the queue
                front = self.desk.front(self.wanted, limit=LOOK, offset=offset)
                rows, some = self._lease(front)
                left = left or some
                if rows or len(front) < LOOK:
                    break
            self._spare.since, self._spare.index = time.monotonic(), self.desk.index.stamp
        found = wholes(str(self.desk.store.root), [(r["run_id"], r["sample_id"], r["sample_key"]) for r in rows])
        self.cards += [Card(row, whole) for row, whole in zip(rows, found, strict=True)]
        self.finished, self.held = not rows, left and not rows

    def _lease(self, front: list[tuple[str, str]]) -> tuple[list[Row], bool]:
        """Rows of the first of these samples, ours from now on, and whether any was new to us; the rest is kept."""
        have = {card.key for card in self.cards}
        new = [key for key in dict.fromkeys(front) if key not in have]
        taken = new[:AHEAD] if self.read_only else self._take(new)
        self._spare.keys = [key for key in new if key not in taken]
        # Between the look and the lease somebody may have decided and given back; from here on nobody can.
        still = self.desk.still(self.wanted, taken) if taken else {}
        if not self.read_only and (gone := [key for key in taken if key not in still]):
            self._leases.give_back(self.holder, gone)
        return list(still.values()), bool(new)

    def _take(self, keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return self._leases.take(self.holder, self.wanted.annotator, keys, many=AHEAD, annotators=self._places())
