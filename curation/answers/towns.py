"""Countries and American states, as what stands behind a town: "Paris, France" is Paris."""

import re

COUNTRIES = (
    "Argentina|Australia|Austria|Bangladesh|Belgium|Brazil|Canada|Chile|China|Colombia|Cuba|Czech Republic|Denmark"
    "|Egypt|England|Ethiopia|Finland|France|Germany|Greece|Hungary|Iceland|India|Indonesia|Iran|Iraq|Ireland|Israel|Italy"
    "|Japan|Kenya|Malaysia|Mexico|Morocco|Nepal|Netherlands|New Zealand|Nigeria|Norway|Pakistan|Peru|Philippines|Poland"
    "|Portugal|Romania|Russia|Saudi Arabia|Scotland|Singapore|South Africa|South Korea|Spain|Sweden|Switzerland"
    "|Thailand|Turkey|UAE|UK|U\\.K\\.|USA|U\\.S\\.A?\\.?|Ukraine|United Arab Emirates|United Kingdom|United States"
    "|Vietnam|Wales"
)
STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois"
    "|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana"
    "|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon"
    "|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington"
    "|West Virginia|Wisconsin|Wyoming"
)
LARGER = re.compile(rf"^(.{{2,40}}?),\s(?:the\s)?({COUNTRIES}|{STATES})(?:,\s(?:{COUNTRIES}))?\W*$")
ONE = re.compile(rf"(?:{COUNTRIES}|{STATES})")


def town(text: str) -> str | None:
    """`Paris` of `Paris, France`; None where the first is a country or state too, which makes it a list."""
    found = LARGER.match(text.strip())
    return found[1] if found and not ONE.fullmatch(found[1]) and "," not in found[1] else None
