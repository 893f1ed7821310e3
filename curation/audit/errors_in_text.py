"""Error messages, refusals and empty values that a pipeline stored as if they were captions or traces.

Three ways to see one: a text that is nothing but a missing value, a text that opens as an error or a refusal does, and
words that only a failing server or a model without its picture writes. A caption may well describe a sign that speaks
of limits or errors, so openings are kept narrow.
"""

import re

LOOKED_AT = 500
"""Characters from the start of a text; a longer one that fails later is a cut trace, another check's business."""

NOTHING = re.compile(r"\W*(?:none|null|nan|n/a|undefined|error|failed|<na>|\[?object object\]?)\W*", re.IGNORECASE)
_SHOWN = r"(?:image|picture|photo(?:graph)?|figure|file|attachment|screenshot)s?\b"
_I_CANNOT = (
    r"(?:unfortunately,? )?i (?:can(?:no|['’])t|could(?: not|n['’]t)|am (?:unable|not able) to|do(?: not|n['’]t)"
    r"(?: have the ability to)?) (?:actually |directly |currently )?"
)
OPENING = re.compile(
    r"\W*(?:think(?:ing)?>\s*)?(?:"
    r"error(?: code)?\s*[:\d]|\[?error\]|(?-i:[\w.]*(?:Error|Exception))\s*[:(]"
    r"|(?:an )?(?:api|server|network|http|internal|cuda|runtime|decoding) error(?:\s*[:(\d]|\W*$)"
    r"|(?:an )?(?:unexpected |internal |unknown )?error (?:has )?occurred"
    r"|failed to (?:generate|caption|describe|produce|decode|parse|fetch|connect|get)\b"
    rf"|(?:failed|unable) to \w+ (?:the |this |an? )?(?:{_SHOWN}|caption|response|request)"
    r"|i(?:['’]m| am) (?:sorry|unable)\b"
    r"|sorry,? (?:but )?(?:i\b|as an|there was|something|your|an error|no |can|this (?:request|content))"
    r"|i apologi[sz]e\b|traceback \(most recent"
    rf"|{_I_CANNOT}(?:help|assist|process|view|access|open|load)\b|{_I_CANNOT}(?:see|find|describe|analy[sz]e|caption)"
    rf" (?:any |an |the |this |that |your )?(?:(?:attached|uploaded|provided) )?{_SHOWN}"
    r"|rate.?limit(?:ed|ing)?(?:\W*$|[_ ](?:error|exceeded|reached|hit)\b"
    r"|.{0,60}\b(?:exceeded|try again|retry|requests per))"
    r"|too many requests|(?:\d{3}\W{1,3})?(?:internal server error|bad gateway)\s*(?:[.:;(!]|$)"
    r"|(?:\d{3}\W{1,3})?(?:request |gateway |connection |read )?time(?:d[ -]?|-| )?out(?: error)?\s*(?:[.:;(!]|$)"
    r"|(?:out of memory|quota exceeded)\s*(?:[.:;(!]|$)|the (?:model|server) is (?:currently )?overloaded"
    r"|(?:\d{3}\W{1,3})?service (?:is )?(?:temporarily )?unavailable\s*(?:[.:;(!]|$)"
    r"|[45]\d\d (?:client|server) error|http(?: error|/\d\.\d)? [45]\d\d\b"
    r"|connection (?:error|reset|refused|aborted)\b|(?:blocked by |response blocked by )?(?:the )?content "
    r"(?:policy violation|filter(?:ing|ed)?\s*(?:[.:;(!]|$|triggered|blocked))"
    r"|(?:response|prompt|request) (?:was )?blocked"
    r"|invalid (?:api key|image)"
    rf"|the {_SHOWN} (?:could not|couldn['’]t|cannot|can['’]t|failed to) (?:be )?"
    r"(?:load|open|process|read|decod|display|fetch|retriev|download)\w*\s*(?:[.:;(!]|$|because|due)"
    r"|<!doctype html|<html"
    r"|(?:非常|很|十分)?(?:抱歉|对不起|對不起|不好意思)|(?:作为|作為)(?:一个|一個)?(?:人工智能|AI|语言模型|語言模型)"
    r"|我(?:无法|無法|不能|没办法|沒辦法)(?:直接)?(?:查看|看到|识别|識別|访问|处理|處理|打开|打開)"
    r")",
    re.IGNORECASE,
)
ANYWHERE = re.compile(
    r"\"error\"\s*:\s*\{|context_length_exceeded|insufficient_quota|max retries exceeded|upstream connect error"
    r"|disconnect/reset before headers|cuda (?:error: )?out of memory|torch\.cuda\.outofmemory"
    r"|\bas an? (?:ai|artificial intelligence|large language|language|text-based)\b[\w\s-]{0,30},?\s*"
    r"i (?:can|am|do|don|['’]m)"
    rf"|please (?:upload|attach|provide|share|resend|re-upload) (?:the|an|your|a) (?:valid |clear |actual )?{_SHOWN}",
    re.IGNORECASE,
)


def error_in(text: str) -> re.Match[str] | None:
    """What makes a text an error message, a refusal or a missing value; None for a text that says something."""
    start = text[:LOOKED_AT]
    return NOTHING.fullmatch(start.strip()) or OPENING.match(start) or ANYWHERE.search(start)
