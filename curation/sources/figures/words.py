"""What charts are about: topics, names and palettes. Words and colours only; no drawing, no questions."""

from dataclasses import dataclass

from curation.sources.figures.canvas import Colour

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
YEARS = tuple(str(year) for year in range(2012, 2026))
HOURS = ("8 am", "9 am", "10 am", "11 am", "12 pm", "1 pm", "2 pm", "3 pm", "4 pm", "5 pm", "6 pm")
WEEKS = tuple(f"Week {n}" for n in range(1, 13))
PEOPLE = (
    "Ana", "Ben", "Chloe", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jamal", "Kate", "Leo",
    "Maya", "Nils", "Olga", "Pablo", "Rosa", "Sam", "Tara", "Uma", "Victor", "Wendy", "Yusuf", "Zoe",
)  # fmt: skip
SURNAMES = (
    "Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Keller",
    "Lopez", "Moreau", "Novak", "Okafor", "Patel", "Rossi", "Silva", "Tanaka", "Weber",
)  # fmt: skip
TOWNS = (
    "Oslo",
    "Lima",
    "Cairo",
    "Porto",
    "Quito",
    "Turin",
    "Leeds",
    "Kyoto",
    "Bergen",
    "Accra",
    "Riga",
    "Perth",
)
PLACES = (
    "Hill Farm", "Green Market", "Oak Street", "River Park", "North Gate", "Old Mill", "Lake View", "Elm Square",
    "Harbour Row", "Castle Lane", "Station Road", "Maple Court", "Sunny Bank", "West Field", "Stone Bridge",
)  # fmt: skip
COLOURS: dict[str, Colour] = {
    "blue": (52, 101, 164),
    "orange": (230, 126, 34),
    "green": (62, 142, 76),
    "red": (196, 58, 58),
    "purple": (126, 87, 158),
    "yellow": (234, 183, 42),
}
PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((58, 104, 160), (232, 140, 58), (92, 152, 92), (200, 80, 76), (138, 108, 170), (92, 168, 176), (210, 172, 64)),
    ((38, 84, 124), (239, 71, 111), (255, 196, 61), (6, 167, 125), (140, 120, 190), (244, 140, 90), (120, 144, 156)),
    ((46, 94, 78), (214, 120, 68), (96, 142, 182), (222, 184, 96), (152, 84, 100), (132, 168, 112), (110, 100, 140)),
    ((84, 99, 180), (116, 178, 152), (240, 160, 120), (186, 122, 172), (236, 200, 106), (108, 156, 204), (200, 90, 90)),
    ((28, 110, 140), (208, 88, 60), (240, 176, 76), (92, 132, 80), (120, 96, 128), (88, 164, 188), (176, 140, 104)),
)  # fmt: skip
GROUNDS: tuple[Colour, ...] = (
    (255, 255, 255),
    (255, 255, 255),
    (253, 251, 245),
    (246, 249, 252),
    (248, 248, 246),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """Things counted over groups, with the words to ask about them: "How many {noun} were {part} {prep} {name}?".

    `names` are the groups (in order when `ordered`); `by` and `series` give a second dimension for grouped charts.
    """

    noun: str
    part: str
    prep: str
    group: str
    names: tuple[str, ...]
    ordered: bool = False
    by: str = ""
    series: tuple[str, ...] = ()

    @property
    def deed(self) -> str:
        return f"{self.noun} {self.part}"

    @property
    def axis(self) -> str:
        return f"{self.noun[0].upper()}{self.noun[1:]} {self.part}"

    @property
    def on_which(self) -> str:
        return f"{self.prep.removesuffix(' the').capitalize()} which {self.group}"

    def at(self, name: str) -> str:
        return f"{self.prep} {name}"


CLUBS = ("Chess", "Drama", "Robotics", "Choir", "Art", "Science", "Dance", "Debate")
CLUB_NAMES = tuple(f"{club} Club" for club in CLUBS)
FRUIT = ("Apples", "Pears", "Plums", "Grapes", "Melons", "Kiwis", "Figs", "Limes")
TEAMS = ("Hawks", "Lions", "Bears", "Wolves", "Sharks", "Tigers", "Eagles", "Foxes")
SHOPS = ("North shop", "South shop", "West shop")
READERS = ("children", "students", "adults")
FORMS = ("Class A", "Class B", "Class C")

TOPICS: tuple[Topic, ...] = (
    Topic("apples", "sold", "on", "day", DAYS, True, "by the", SHOPS),
    Topic("books", "borrowed", "in", "month", MONTHS, True, "by", READERS),
    Topic("visitors", "counted", "on", "day", DAYS, True, "at the", ("museum", "castle", "zoo")),
    Topic("trees", "planted", "in", "year", YEARS, True, "in", ("Oak Park", "Lake Park", "Hill Park")),
    Topic("tickets", "sold", "in", "month", MONTHS, True, "for the", ("cinema", "theatre", "circus")),
    Topic("goals", "scored", "by the", "team", TEAMS, False, "in", ("2023", "2024", "2025")),
    Topic("parcels", "sent", "from", "town", TOWNS, False, "by", ("road", "rail", "sea")),
    Topic("points", "scored", "by", "player", PEOPLE, False, "in", ("round 1", "round 2", "round 3")),
    Topic("loaves", "baked", "on", "day", DAYS, True, "by the", SHOPS),
    Topic("birds", "seen", "in", "month", MONTHS, True, "at the", ("lake", "forest", "shore")),
    Topic("millimetres of rain", "measured", "in", "month", MONTHS, True, "in", ("Bergen", "Leeds", "Lima")),
    Topic("letters", "delivered", "in", "week", WEEKS, True, "to", ("Elm Street", "Oak Street", "Mill Street")),
    Topic("bicycles", "repaired", "in", "week", WEEKS, True, "by the", SHOPS),
    Topic("pupils", "enrolled", "in", "club", CLUB_NAMES, False, "in", ("2023", "2024", "2025")),
    Topic("stickers", "collected", "by", "child", PEOPLE, False, "in", ("March", "April", "May")),
    Topic("cars", "washed", "at", "hour", HOURS, True, "on", ("Friday", "Saturday", "Sunday")),
    Topic("meals", "served", "at", "hour", HOURS, True, "by the", ("cafe", "canteen", "bistro")),
    Topic("houses", "built", "in", "year", YEARS, True, "in", ("Porto", "Turin", "Riga")),
    Topic("kilometres", "walked", "by", "hiker", PEOPLE, False, "in", ("spring", "summer", "autumn")),
    Topic("bottles", "recycled", "in", "week", WEEKS, True, "by", FORMS),
)  # fmt: skip

POLLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (  # what was chosen, who chose, choices
    ("favourite sport", "students", ("Football", "Tennis", "Swimming", "Judo", "Hockey", "Rowing")),
    ("favourite fruit", "children", FRUIT),
    ("way to school", "pupils", ("Bus", "Bicycle", "Car", "Train", "Walking", "Tram")),
    ("favourite season", "people", ("Spring", "Summer", "Autumn", "Winter")),
    ("favourite pet", "families", ("Dog", "Cat", "Rabbit", "Parrot", "Fish", "Hamster")),
    ("favourite subject", "students", ("Maths", "Art", "History", "Music", "Biology", "French")),
    ("holiday choice", "tourists", ("Beach", "Mountains", "City", "Lake", "Desert", "Island")),
    ("favourite drink", "guests", ("Tea", "Coffee", "Juice", "Water", "Cocoa", "Milk")),
    ("favourite club", "members", CLUBS),
    ("favourite film", "viewers", ("Comedy", "Drama", "Action", "Fantasy", "Western", "Cartoon")),
)
