"""Chemical formulas, however dressed: `C6H12O6`, `C₆H₁₂O₆`, `$C_6H_{12}O_6$`, `\\ce{H2O}`, `Fe^{3+}`, `Fe³⁺`.

Case and charge matter: Co is no CO, Fe²⁺ no Fe³⁺. The same atoms in another order or grouping (C2H6O, C2H5OH) are
undecided.
"""

import re
import unicodedata

from curation.answers.normal import unicode_plain

SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu"
)
ELEMENT = "(?:" + "|".join(sorted(SYMBOLS.split(), key=len, reverse=True)) + ")"
COUNT = r"(?:[2-9]|[1-9]\d{1,2})?"
UNIT = rf"(?:{ELEMENT}{COUNT}|\((?:{ELEMENT}{COUNT}){{1,6}}\){COUNT})"
CHARGE = r"(?:\^\d?[+-]|\^[+-]\d?|\d?[+-](?![\w(]))?"
FORMULA = re.compile(rf"(?<![A-Za-z\d(^/=+*-])({UNIT}{{1,12}}?)({CHARGE})(?:\((?:aq|s|l|g)\))?(?![\w(^/=*+])")
BRACKETED = re.compile(r"(?<=\s)\(([A-Z\\$][^()\s]{0,30})\)")  # "potassium ions (K⁺)"
ATOM = re.compile(rf"({ELEMENT})(\d*)")
ASKED = re.compile(
    r"\b(?:chemical|formula|molecul\w+|compounds?|ions?|elements?|gas|gases|acid|base|salt|metal|reaction|reagent|oxide|atoms?"
    r"|product|reactant|electrode|anode|cathode)\b",
    re.IGNORECASE,
)
DRESS = re.compile(
    r"\\(?:ce|mathrm|text|rm|textrm|mathsf|operatorname)\s*\{|[{}$_]|\\[()\[\],;! ]|\*\*|`|\\(?:left|right)"
)


def bare(text: str) -> str:
    """The text without subscripts' and LaTeX's dress; charges stand behind `^`."""
    return DRESS.sub("", unicode_plain(unicodedata.normalize("NFC", text)).replace("**", "")).strip()


def is_formula(reference: str) -> bool:
    """Whether a reference can only be a formula: two atoms or more with a count or charge (`H2O`, `Fe3+`)."""
    found = FORMULA.fullmatch(bare(reference))
    if not found:
        return False
    atoms, counted = ATOM.findall(found[1]), bool(re.search(r"\d", found[1]))
    charged = bool(found[2]) and (len(found[1]) > 1)
    return (len(atoms) > 1 and counted) or charged


def is_ion(reference: str, question: str | None) -> bool:
    """Whether a reference is a charged atom where chemistry is asked about: `K+`, `Cl-`."""
    found = FORMULA.fullmatch(bare(reference))
    return bool(found and found[2] and ASKED.search(question or ""))


def compare(reference: str, text: str, question: str | None) -> bool | str | None:
    """Whether a text gives the formula of the reference; "" where one of the two is no formula."""
    wanted = FORMULA.fullmatch(bare(reference))
    if not wanted or not (is_formula(reference) or ASKED.search(question or "")) or len(text) > 400:
        return ""
    said = bare(BRACKETED.sub(r" \1 ", text)).rstrip(".,; ")
    whole = FORMULA.fullmatch(said)
    found = [whole] if whole else [one for one in FORMULA.finditer(said) if _plain_sight(one)]
    keys = {_key(one) for one in found if one}
    if not keys:
        return ""
    if _key(wanted) in keys:
        return True if len(keys) == 1 else ""
    if len(keys) > 1:
        return ""
    key = next(iter(keys))
    return None if key[1] == _key(wanted)[1] and _atoms(key[0]) == _atoms(_key(wanted)[0]) else False


def otherwise(reference: str, text: str, question: str | None) -> bool:
    """Whether of a reference and an answer one is a formula and the other a name: `CO2`, "carbon dioxide"."""
    if len(text) > 100:
        return False
    wanted = is_formula(reference) or is_ion(reference, question)
    given = any(_plain_sight(one) for one in FORMULA.finditer(bare(text)))
    if wanted:
        return not given and re.search(r"[a-z]{5}", text) is not None
    named = re.fullmatch(r"[a-z]{4,}(?: [a-z]{3,}){0,3}", reference.lower()) is not None
    return named and given and (is_formula(text.strip(" .")) or bool(ASKED.search(question or "")))


def _plain_sight(found: re.Match[str]) -> bool:
    """A word such as "In" or "I" in a sentence is no formula; one with a digit, a charge or two capitals is."""
    return bool(found[2] or re.search(r"\d|[A-Z].*[A-Z]", found[1]))


def _key(found: re.Match[str]) -> tuple[str, str]:
    atoms, charge = found[1], found[2].replace("^", "")
    if charge in ("+", "-") and (ion := re.fullmatch(rf"({ELEMENT})(\d)", atoms)) and "^" not in found[2]:
        atoms, charge = ion[1], ion[2] + charge  # `Fe3+` written flat
    return atoms, "".join(sorted(charge.replace("1", ""), reverse=True))


def _atoms(formula: str) -> dict[str, int]:
    """How many atoms of each element."""
    total: dict[str, int] = {}
    flat = re.sub(
        r"\(([^()]*)\)(\d*)",
        lambda group: "".join(f"{name}{int(many or 1) * int(group[2] or 1)}" for name, many in ATOM.findall(group[1])),
        formula,
    )
    for name, many in ATOM.findall(flat):
        total[name] = total.get(name, 0) + int(many or 1)
    return total
