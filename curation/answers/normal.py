"""One spelling for what people and models write in many ways: Unicode signs, LaTeX dress, Markdown, articles,
case.

`plain` keeps the meaning of numbers and words (a fraction stays a fraction); `folded` is for comparing short
texts; `latex` is for comparing formulas symbol by symbol. All are linear in the length of the text.
"""

import re
import unicodedata
from functools import lru_cache

SIGNS = str.maketrans(
    {
        **dict.fromkeys("−‐‑‒–—﹣－", "-"),
        **dict.fromkeys("×⋅·∙•✕", "*"),
        **dict.fromkeys("‘’‛′ʼ", "'"),
        **dict.fromkeys("“”‟″", '"'),
        **dict.fromkeys("   ", ","),  # thin and narrow spaces between digits separate thousands
        "÷": "/",
        "⁄": "/",
        "∕": "/",
        "≈": " ",
        "≃": " ",
        "∼": " ",
        " ": " ",
        "：": ":",
        "，": ",",
        "。": ".",
        "％": "%",
        "π": " pi ",
        "≤": "<=",
        "⩽": "<=",
        "≥": ">=",
        "⩾": ">=",
        "≠": "!=",
        "∞": " oo ",
        "º": "°",
        "\u200b": "",
        "\ufeff": "",
        "\u2061": "",
    }
)
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
THIN = re.compile("[\u2009\u202f\u2006\u2007\u00a0](?!\\d{3})")
VULGAR = re.compile("[¼½¾⅐-⅞↉]")
RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
DRESS = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|bf|rm|operatorname|mbox|fbox|vec|overrightarrow)\s*\{((?:[^{}]"
    r"|\{[^{}]*\})*)\}"
)
SPACING = re.compile(r"\\[,;:! ]|\\(?:quad|qquad|left|right|displaystyle|limits|big|Big)(?![a-zA-Z])|~")
FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
REPEATING = re.compile(r"(?<![\d.])(\d{0,9})\.(\d{0,6})\\(?:overline|bar|dot)\s?\{(\d{1,6})\}")
IDLE = re.compile(r"\^\s?\{(\w)\}(?!\d)")
FREE_SIGN = re.compile(r"((?:^|[{(=$])\s*[-−])\s+(?=\\[dtc]?frac)|([{(=$]\s*[-−])\s+(?=\d)")  # `\boxed{- \frac{1}{2}}`
SIMPLE = re.compile(r"[\d.,]+|[^\W\d]")  # `\frac{1}{2x}` is not `1/2 x`
SYMBOLS = (
    (re.compile(r"\\(?:times|cdot|ast)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:approx|simeq|sim)(?![a-zA-Z])"), " "),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)(?![a-zA-Z])\s*\}?|\\(?:degree|circ)(?![a-zA-Z])"), "°"),
    (re.compile(r"\\pi(?![a-zA-Z])"), " pi "),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"\\(?:geq?|geqslant)(?![a-zA-Z])"), ">="),
    (re.compile(r"\\(?:leq?|leqslant)(?![a-zA-Z])"), "<="),
    (re.compile(r"\\infty(?![a-zA-Z])"), " oo "),
    (re.compile(r"\\cup(?![a-zA-Z])"), "∪"),
    (re.compile(r"\\langle(?![a-zA-Z])"), "("),
    (re.compile(r"\\rangle(?![a-zA-Z])"), ")"),
    (re.compile(r"\\Omega(?![a-zA-Z])"), "Ω"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[\[\]()]"), " "),
)
POWER = re.compile(r"(?<![^\W\d]{2})(?<=[\w)}])\*\*(?:(-?\d+|[a-z](?![a-z]))|(?=[({]))")  # `2**5` is no emphasis
ITALIC = re.compile(r"(?<![\w*)])\*(?=[^\W\d]{2})([^*\n]{2,60})(?<=\w)\*(?![\w*])")
EMPHASIS = re.compile(r"\*\*|__|`|^\s{0,3}#{1,6}\s|^\s{0,3}>\s", re.MULTILINE)
BULLET = re.compile(r"^\s{0,8}(?:[*+]\s+(?=\S)|-\s+(?=[^\s\d$€£¥.(]))", re.MULTILINE)
PUNCTUATION = re.compile(
    r"[^\w\s%$€£¥°√±+*^=<>|!./:()\[\]{}-]|(?<=\w)!(?!\w)|_|(?<!\d)[:/]+|[./:-]+(?!\w)|(?<!\w)[.-]+(?!\d|\w)"
)
HYPHEN = re.compile(r"(?<=[^\W\d])-(?=[^\W\d])")
QUOTES = re.compile(r"['\"]")
BRACKETS = re.compile(r"[()\[\]{}]")
ARTICLES = re.compile(r"(?<![-+*^=] )\b(?:a|an|the)\b(?=\s+[^\W\d_]{2})|\b(?:an|the)\b")
NAME_A = re.compile(r"(?<=\w )A(?= [a-z])")  # "sample A has" is no article
KEPT_A = "\ua4ee"
SUBSCRIPT = re.compile(r"(?<=\w)\s?_\s?\{?(\w+)\}?\s?")
TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))")
HTML = re.compile(r"</?(?:b|i|em|strong|u|p|br|span|code|sup|sub)\s*/?>", re.IGNORECASE)
HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
TEXT_DOLLAR = re.compile(r"\\textdollar(?![a-z])\s?")
TOUCHING = re.compile(rf"(?<=[{HAN}])(?=[A-Za-z0-9\\$])|(?<=[A-Za-z0-9}}$])(?=[{HAN}])")
APART = re.compile(r"(?<=\d)\s+(?=[\d.])")
GAPS = re.compile(r"\s{2,}")
ROOT = re.compile(r"√\s?(\d+|[a-z]\b)")
SPACES = re.compile(r"\s+")

REMEMBERED = 1024  # texts; one check reads the same short texts several times, and references repeat


def unicode_plain(text: str) -> str:
    """ASCII signs for minus, times, quotes, vulgar fractions (`2½` → `2 1/2`) and raised digits (`m²` →
    `m^2`).
    """
    if text.isascii():
        return text
    text = RAISED.sub(lambda run: "^" + run[0].translate(SUPERSCRIPTS), text)
    text = VULGAR.sub(lambda one: _gap(one) + unicodedata.normalize("NFKC", one[0]).replace("⁄", "/") + " ", text)
    return spaced(unicodedata.normalize("NFKC", THIN.sub(" ", text).translate(SIGNS)).translate(SIGNS))


def spaced(text: str) -> str:
    """A space where Chinese, Japanese or Korean script touches Latin letters or digits: `选B` has two words."""
    return text if text.isascii() else TOUCHING.sub(" ", text)


def undressed(text: str) -> str:
    """LaTeX reduced to what it says: `\\text{…}` and spacing commands go, simple fractions become `a/b`."""
    if "\\" not in text and "~" not in text and "{" not in text:
        return text
    text = REPEATING.sub(_repeating, FREE_SIGN.sub(r"\1\2", text))
    text = IDLE.sub(r"^\1", text.replace("\\$", "¤").replace("\\ ", " "))
    for _ in range(4):  # `\text` inside `\frac` inside `\frac`: four levels are deeper than answers go
        before, text = text, FRACTION.sub(_fraction, DRESS.sub(r" \1 ", text))
        if text == before:
            break
    for pattern, sign in SYMBOLS:
        text = pattern.sub(sign, text)
    return SPACING.sub(" ", text).replace("¤", "\\$")


def _repeating(found: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction."""
    below = 10 ** len(found[2]) * (10 ** len(found[3]) - 1)
    above = int((found[1] or "0") + found[2] + found[3]) - int((found[1] or "0") + found[2])
    return f" {above}/{below} "


def _fraction(match: re.Match[str]) -> str:
    above, below = (match[1] or match[2] or "").strip(), (match[3] or match[4] or "").strip()
    return f"{_gap(match)}{_grouped(above)}/{_grouped(below)} "


def _gap(fraction: re.Match[str]) -> str:
    """The space before a fraction, as in 2 1/2; none after a sign: `- 1/2` would be an item of a list."""
    return "" if fraction.string[: fraction.start()].endswith(("-", "−")) else " "


def _grouped(part: str) -> str:
    return part if SIMPLE.fullmatch(part) else f"({part})"


def without_dollars(text: str) -> str:
    """Drop the dollars that delimit mathematics; a lone one, or an escaped one, is money and stays."""
    text = TEXT_DOLLAR.sub(r"\\$", text)
    alone = text.count("$") - text.count("\\$") == 1
    return (text if alone else text.replace("\\$", "¤").replace("$", " ").replace("¤", "$")).replace("\\$", "$")


def powers(text: str) -> str:
    """Powers as Python and Markdown-free models write them, `2**10`, as LaTeX does: `2^{10}`."""
    return POWER.sub(lambda found: f"^{{{found[1]}}}" if found[1] else "^", text) if "**" in text else text


COMPASS = re.compile(r"\b(north|south)-(east|west)", re.IGNORECASE)
"""`north-east` is one direction, and neither north nor east."""


@lru_cache(maxsize=REMEMBERED)
def plain(text: str) -> str:
    """A short text without Unicode tricks, LaTeX dress, mathematics delimiters and Markdown; line breaks
    stay.
    """
    text = without_dollars(undressed(unicode_plain(text)))
    text = TIMES_TEN.sub("*", HTML.sub("", text) if "<" in text else text)
    text = ITALIC.sub(r"\1", text) if "*" in text else text
    text = COMPASS.sub(r"\1\2", text) if "-" in text else text
    return GAPS.sub(_one_gap, BULLET.sub("", EMPHASIS.sub("", powers(text)))).strip()


def _one_gap(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "


@lru_cache(maxsize=REMEMBERED)
def folded(text: str) -> str:
    """For comparing short texts: plain, case folded, without articles, punctuation and repeated spaces.

    Whatever can change a number stays: signs, decimal points, operators, and brackets where the text has
    digits.
    """
    bare = NAME_A.sub(KEPT_A, plain(text)).casefold()
    bare = SUBSCRIPT.sub(r"\1", bare) if "_" in text else bare
    bare = HYPHEN.sub(" ", PUNCTUATION.sub(" ", QUOTES.sub("", bare)))
    bare = bare if any(char.isdigit() for char in bare) else BRACKETS.sub(" ", bare)
    kept = SPACES.sub(" ", ARTICLES.sub(" ", bare)).replace(KEPT_A, "a").strip()
    return kept or SPACES.sub(" ", bare.replace(KEPT_A, "a")).strip()


def latex(text: str) -> str:
    """For comparing formulas symbol by symbol: plain, without spaces (but `2 1/2` is not `21/2`) and idle
    braces.
    """
    text = ROOT.sub(r"\\sqrt{\1}", text) if "√" in text else text
    text = SPACES.sub("", APART.sub("_", plain(text))).rstrip(".")
    return re.sub(r"\{(\w)\}", r"\1", text)
