"""Till receipts: items with quantity, price and amount, a total and how it was paid. Amounts are whole cents."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json, Kind
from curation.sources.figures.asking import (
    Ask,
    Drawn,
    Menu,
    as_choice,
    choose,
    fraction,
    listed,
    locate,
)
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import INK, PAPER, SOFT, Box, Canvas, mix
from curation.sources.figures.paper import Sheet, sheet
from curation.sources.figures.words import PEOPLE, PLACES

SHOPS = ("Corner Shop", "Daily Bakery", "Fresh Grocer", "Garden Store", "Book Nook", "Village Kiosk", "Sports Depot")
WARES = {
    "Corner Shop": ("Milk", "Bread", "Eggs", "Soap", "Tea", "Rice", "Batteries", "Matches", "Candles"),
    "Daily Bakery": ("Rye loaf", "Bagel", "Croissant", "Muffin", "Apple pie", "Baguette", "Coffee", "Scone"),
    "Fresh Grocer": ("Apples", "Carrots", "Spinach", "Melon", "Plums", "Onions", "Grapes", "Leeks", "Cheese"),
    "Garden Store": ("Tulip bulbs", "Trowel", "Gloves", "Seed tray", "Rose bush", "Flower pot", "Soil bag"),
    "Book Nook": ("Novel", "Atlas", "Notebook", "Pencil", "Comic", "Calendar", "Eraser", "Postcard"),
    "Village Kiosk": ("Newspaper", "Stamp", "Lemonade", "Map", "Chocolate", "Postcard", "Chewing gum"),
    "Sports Depot": ("Tennis balls", "Water bottle", "Socks", "Jump rope", "Cap", "Towel", "Whistle"),
}
PAYMENTS = ("Cash", "Card", "Voucher", "Phone")


@dataclass(frozen=True, slots=True)
class Receipt:
    """`items` are (name, quantity, price in cents); amounts all differ. `given` is the cash handed over, or None."""

    shop: str
    place: str
    number: int
    date: str
    time: str
    cashier: str
    items: tuple[tuple[str, int, int], ...]
    payment: str
    given: int | None
    change_shown: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.items)

    def quantity(self, name: str) -> int:
        return self.items[self.names.index(name)][1]

    def price(self, name: str) -> int:
        return self.items[self.names.index(name)][2]

    def amount(self, name: str) -> int:
        return self.quantity(name) * self.price(name)

    @property
    def total(self) -> int:
        return sum(self.amount(name) for name in self.names)

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "form": "receipt",
            "shop": self.shop,
            "place": self.place,
            "number": self.number,
            "date": self.date,
            "time": self.time,
            "cashier": self.cashier,
            "items": [list(item) for item in self.items],
            "payment": self.payment,
            "given": self.given,
            "change_shown": self.change_shown,
        }

    @property
    def context(self) -> str:
        lines = "; ".join(f"{n}: quantity {q}, price {money(p)}, amount {money(q * p)}" for n, q, p in self.items)
        paid = f"Paid by {self.payment.lower()}." + (f" Cash given: {money(self.given)}." if self.given else "")
        return (
            f"A receipt of {self.shop}, {self.place}: number {self.number}, date {self.date}, time {self.time}, "
            f"cashier {self.cashier}. It lists {lines}. Total printed: {money(self.total)}. {paid}"
        )


def money(cents: int) -> str:
    """Cents as dollars with two decimals: 350 is `3.50`."""
    return f"{cents // 100}.{cents % 100:02d}"


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A receipt and a question of `kind` about it."""
    r = _roll(rng)
    boxes = _paint(canvas, style, r)
    if kind == "box":
        element = rng.choice(list(boxes))
        return locate(f"the printed {element}", element, boxes, canvas, r.facts, r.context)
    return Drawn(r.facts, boxes, r.context, choose(MENU, kind, r, rng))


def _roll(rng: Random) -> Receipt:
    shop = rng.choice(SHOPS)
    items = _items(rng, WARES[shop], rng.randint(3, 6))
    total = sum(q * p for _, q, p in items)
    payment = rng.choice(("Cash", *PAYMENTS))
    given = next(n for n in (1000, 2000, 5000, 10000, 20000, 50000, 100000) if n > total) if payment == "Cash" else None
    return Receipt(
        shop=shop,
        place=rng.choice(PLACES),
        number=rng.randint(1000, 9999),
        date=f"{rng.randint(2021, 2026)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        time=f"{rng.randint(8, 19):02d}:{rng.randint(0, 59):02d}",
        cashier=rng.choice(PEOPLE),
        items=items,
        payment=payment,
        given=given,
        change_shown=rng.random() < 0.5,
    )


def _items(rng: Random, wares: tuple[str, ...], count: int) -> tuple[tuple[str, int, int], ...]:
    """Items whose amounts and prices all differ."""
    prices = rng.sample(range(50, 1250, 25), count)
    while True:
        quantities = [rng.choice((1, 1, 2, 2, 3, 4, 5, 6)) for _ in prices]
        amounts = [q * p for q, p in zip(quantities, prices, strict=True)]
        if len(set(amounts)) == count:
            return tuple(zip(rng.sample(wares, count), quantities, prices, strict=True))


def _paint(canvas: Canvas, style: Style, r: Receipt) -> dict[str, Box]:
    """Top to bottom; returns the ink boxes of what can be asked for."""
    lines = 9.9 + len(r.items) + (r.given is not None) * (1 + r.change_shown)
    page = sheet(canvas, mix(style.palette[0], PAPER, 0.84), lines=lines, share=0.6)
    page.line([(0.5, "m", r.shop)], bold=True, grow=1.3)
    page.line([(0.5, "m", r.place)], colour=SOFT)
    page.rule()
    date = page.line([(0, "l", f"Receipt {r.number}"), (1, "r", r.date)])[1]
    cashier = page.line([(0, "l", f"Cashier: {r.cashier}"), (1, "r", r.time)])[0]
    page.rule()
    boxes = {"date": date, "line with the cashier's name": cashier, **_lines(page, r)}
    page.rule()
    total = page.line([(0, "l", "TOTAL"), (1, "r", f"${money(r.total)}")], bold=True)
    _end(page, r)
    return {**boxes, "amount of the total": total[1]}


def _lines(page: Sheet, r: Receipt) -> dict[str, Box]:
    stops = ((0.0, "l"), (0.55, "r"), (0.76, "r"), (1.0, "r"))
    heads = ("Item", "Qty", "Price", "Amount")
    page.line([(x, side, head) for (x, side), head in zip(stops, heads, strict=True)], colour=SOFT)
    boxes = {}
    for name, quantity, price in r.items:
        words = (name, str(quantity), money(price), money(quantity * price))
        placed = page.line([(x, side, word) for (x, side), word in zip(stops, words, strict=True)])
        boxes[f"item name {name}"] = placed[0]
        boxes[f"amount for {name}"] = placed[3]
    return boxes


def _end(page: Sheet, r: Receipt) -> None:
    page.line([(0, "l", "Paid by"), (1, "r", r.payment)])
    if r.given is not None:
        page.line([(0, "l", "Cash given"), (1, "r", f"${money(r.given)}")])
        if r.change_shown:
            page.line([(0, "l", "Change"), (1, "r", f"${money(r.given - r.total)}")])
    page.line([(0.5, "m", "Thank you for your visit!")], colour=mix(INK, SOFT, 0.6))


def _row(r: Receipt, name: str) -> str:
    return (
        f"The line of {name} has quantity {r.quantity(name)}, price "
        f"{money(r.price(name))}, amount {money(r.amount(name))}."
    )


def quantity(r: Receipt, rng: Random) -> Ask:
    name = rng.choice(r.names)
    question = f"What quantity of {name} was bought?"
    return Ask("quantity", question, str(r.quantity(name)), (_row(r, name),), {"of": name})


def count_items(r: Receipt, rng: Random) -> Ask:
    steps = (f"The receipt lists {listed(r.names)}.", f"That makes {len(r.names)}.")
    return Ask("count_items", "How many different items are listed on the receipt?", str(len(r.names)), steps)


def count_pricey(r: Receipt, rng: Random) -> Ask:
    amounts = sorted(r.amount(name) for name in r.names)
    bound = amounts[rng.randrange(len(amounts))] // 100 * 100
    hits = [name for name in r.names if r.amount(name) > bound]
    pairs = ", ".join(f"{name} {money(r.amount(name))}" for name in r.names)
    found = f"More than {money(bound)}: {listed(hits) if hits else 'none'}."
    steps = (f"The amounts are {pairs}.", found, f"That makes {len(hits)}.")
    question = f"How many items have an amount of more than ${money(bound)}?"
    return Ask("count_pricey", question, str(len(hits)), steps, {"bound": bound}, len(r.names))


def figure_of(r: Receipt, rng: Random) -> Ask:
    name, what = rng.choice(r.names), rng.choice(("price", "amount"))
    answer = money(r.price(name) if what == "price" else r.amount(name))
    words = "price of one" if what == "price" else "amount charged for"
    question = f"What is the {words} {name}, in dollars?"
    return Ask(f"item_{what}", question, answer, (_row(r, name),), {"of": name})


def total(r: Receipt, rng: Random) -> Ask:
    steps = (f"The line TOTAL says ${money(r.total)}.",)
    return Ask("receipt_total", "What is the total of the receipt, in dollars?", money(r.total), steps)


def change(r: Receipt, rng: Random) -> Ask | None:
    if r.given is None:
        return None
    answer = money(r.given - r.total)
    question = "How much change was given back, in dollars?"
    if r.change_shown:
        return Ask("change", question, answer, (f"The line Change says ${answer}.",))
    first = f"Cash given is ${money(r.given)} and the total is ${money(r.total)}."
    return Ask("change", question, answer, (first, f"{money(r.given)} - {money(r.total)} = {answer}."), {}, 2, 1)


def pair(r: Receipt, rng: Random) -> Ask:
    a, b = sorted(rng.sample(r.names, 2), key=r.amount, reverse=True)
    answer = money(r.amount(a) - r.amount(b))
    question = f"By how many dollars is the amount for {a} higher than the amount for {b}?"
    steps = (_row(r, a), _row(r, b), f"{money(r.amount(a))} - {money(r.amount(b))} = {answer}.")
    return Ask("amount_gap", question, answer, steps, {"of": [a, b]}, 2, 1)


def more_of(r: Receipt, rng: Random) -> Ask:
    name, count = rng.choice(r.names), rng.randint(7, 12)
    answer = money(count * r.price(name))
    question = f"At the price printed, how many dollars would {count} of the item {name} cost?"
    steps = (_row(r, name), f"{count} * {money(r.price(name))} = {answer}.")
    return Ask("more_of", question, answer, steps, {"of": name, "count": count}, 1, 1)


def detail(r: Receipt, rng: Random) -> Ask:
    what, question, answer = rng.choice(
        (
            ("cashier", "What is the name of the cashier?", r.cashier),
            ("date", "What is the date on the receipt?", r.date),
            ("payment", "How was the receipt paid?", r.payment),
            ("shop", "What is the name of the shop?", r.shop),
            ("place", f"Which place is printed under the name {r.shop}?", r.place),
        )
    )
    return Ask("detail", question, answer, (f"On the receipt, the {what} is {answer}.",), {"of": what})


def priciest(r: Receipt, rng: Random) -> Ask:
    most, word = rng.choice(((max, "highest"), (min, "lowest")))
    name = most(r.names, key=r.amount)
    pairs = ", ".join(f"{n} {money(r.amount(n))}" for n in r.names)
    steps = (f"The amounts are {pairs}.", f"The {word} is {money(r.amount(name))}, for {name}.")
    return Ask(f"item_{word}", f"Which item has the {word} amount?", name, steps, {}, len(r.names))


def part(r: Receipt, rng: Random) -> Ask:
    name = rng.choice(r.names)
    answer = fraction(Fraction(r.amount(name), r.total))
    question = f"What fraction of the total was charged for {name}? Give it in lowest terms."
    last = (
        f"{money(r.amount(name))} / {money(r.total)} is {r.amount(name)} "
        f"/ {r.total} in cents, in lowest terms {answer}."
    )
    steps = (_row(r, name), f"The total is ${money(r.total)}.", last)
    return Ask("amount_share", question, answer, steps, {"of": name}, 2, 2)


def which(r: Receipt, rng: Random) -> Ask | None:
    ask = rng.choice((detail, priciest))(r, rng)
    pools = {"cashier": PEOPLE, "payment": PAYMENTS, "shop": SHOPS, "place": PLACES}
    if ask.name == "detail":
        pool = pools.get(ask.args["of"])
        return as_choice(ask, rng.sample(pool, 4), rng) if pool else None
    return as_choice(ask, r.names, rng)


def which_amount(r: Receipt, rng: Random) -> Ask | None:
    ask = rng.choice((figure_of, total))(r, rng)
    cents = round(float(ask.answer) * 100)
    wrong = [money(cents + d) for d in (-250, -100, -75, -25, 25, 50, 100, 300) if cents + d > 0]
    return as_choice(ask, wrong, rng)


MENU: Menu[Receipt] = {
    "digit": ((4, quantity), (2, count_items), (1, count_pricey)),
    "number": ((4, figure_of), (2, total), (2, change), (2, pair), (2, more_of)),
    "math": ((1, part),),
    "mcq": ((2, which), (2, which_amount)),
    "text": ((4, detail), (2, priciest)),
}
