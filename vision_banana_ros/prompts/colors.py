"""Colours in words and codes -> RGB.

Names are those of CSS Color Module Level 4 (148, both spellings of grey). English makes more of them by rules, applied
to the name that comes last, in linear steps between sRGB values:

    light, pale         half the way to white            dark, deep       55 % of each channel
    pastel              two thirds of the way to white   dull, muted      half the way to its own grey
    pure, solid, plain, bright, ...  nothing             pinkish red      a third of pink, two thirds of red
    blue green          the middle between both

A CSS name in two words wins over the rules ("light blue" is lightblue). Codes: #RRGGBB, #RGB, <r, g, b>, (r, g, b),
[r, g, b], rgb(r, g, b), RGB(r, g, b), r, g, b; beside a name, the code is what counts: "pure yellow (<255, 255, 0>)".
"""

from __future__ import annotations

import difflib
import re

from vision_banana_ros.core import InstructionError, Rgb

_CSS = """
aliceblue=f0f8ff antiquewhite=faebd7 aqua=00ffff aquamarine=7fffd4 azure=f0ffff beige=f5f5dc bisque=ffe4c4
black=000000 blanchedalmond=ffebcd blue=0000ff blueviolet=8a2be2 brown=a52a2a burlywood=deb887 cadetblue=5f9ea0
chartreuse=7fff00 chocolate=d2691e coral=ff7f50 cornflowerblue=6495ed cornsilk=fff8dc crimson=dc143c cyan=00ffff
darkblue=00008b darkcyan=008b8b darkgoldenrod=b8860b darkgray=a9a9a9 darkgreen=006400 darkgrey=a9a9a9 darkkhaki=bdb76b
darkmagenta=8b008b darkolivegreen=556b2f darkorange=ff8c00 darkorchid=9932cc darkred=8b0000 darksalmon=e9967a
darkseagreen=8fbc8f darkslateblue=483d8b darkslategray=2f4f4f darkslategrey=2f4f4f darkturquoise=00ced1
darkviolet=9400d3 deeppink=ff1493 deepskyblue=00bfff dimgray=696969 dimgrey=696969 dodgerblue=1e90ff firebrick=b22222
floralwhite=fffaf0 forestgreen=228b22 fuchsia=ff00ff gainsboro=dcdcdc ghostwhite=f8f8ff gold=ffd700 goldenrod=daa520
gray=808080 green=008000 greenyellow=adff2f grey=808080 honeydew=f0fff0 hotpink=ff69b4 indianred=cd5c5c indigo=4b0082
ivory=fffff0 khaki=f0e68c lavender=e6e6fa lavenderblush=fff0f5 lawngreen=7cfc00 lemonchiffon=fffacd lightblue=add8e6
lightcoral=f08080 lightcyan=e0ffff lightgoldenrodyellow=fafad2 lightgray=d3d3d3 lightgreen=90ee90 lightgrey=d3d3d3
lightpink=ffb6c1 lightsalmon=ffa07a lightseagreen=20b2aa lightskyblue=87cefa lightslategray=778899
lightslategrey=778899 lightsteelblue=b0c4de lightyellow=ffffe0 lime=00ff00 limegreen=32cd32 linen=faf0e6
magenta=ff00ff maroon=800000 mediumaquamarine=66cdaa mediumblue=0000cd mediumorchid=ba55d3 mediumpurple=9370db
mediumseagreen=3cb371 mediumslateblue=7b68ee mediumspringgreen=00fa9a mediumturquoise=48d1cc mediumvioletred=c71585
midnightblue=191970 mintcream=f5fffa mistyrose=ffe4e1 moccasin=ffe4b5 navajowhite=ffdead navy=000080 oldlace=fdf5e6
olive=808000 olivedrab=6b8e23 orange=ffa500 orangered=ff4500 orchid=da70d6 palegoldenrod=eee8aa palegreen=98fb98
paleturquoise=afeeee palevioletred=db7093 papayawhip=ffefd5 peachpuff=ffdab9 peru=cd853f pink=ffc0cb plum=dda0dd
powderblue=b0e0e6 purple=800080 rebeccapurple=663399 red=ff0000 rosybrown=bc8f8f royalblue=4169e1 saddlebrown=8b4513
salmon=fa8072 sandybrown=f4a460 seagreen=2e8b57 seashell=fff5ee sienna=a0522d silver=c0c0c0 skyblue=87ceeb
slateblue=6a5acd slategray=708090 slategrey=708090 snow=fffafa springgreen=00ff7f steelblue=4682b4 tan=d2b48c
teal=008080 thistle=d8bfd8 tomato=ff6347 turquoise=40e0d0 violet=ee82ee wheat=f5deb3 white=ffffff whitesmoke=f5f5f5
yellow=ffff00 yellowgreen=9acd32
"""
#: Words that English has and CSS has not.
_ENGLISH = """
amber=ffbf00 apricot=fbceb1 bronze=cd7f32 burgundy=800020 charcoal=36454f cherry=d2042d copper=b87333 cream=fffdd0
emerald=50c878 jade=00a86b lemon=fff44f lilac=c8a2c8 mauve=e0b0ff mint=98ff98 mustard=ffdb58 ochre=cc7722 peach=ffe5b4
navyblue=000080 emeraldgreen=50c878 mintgreen=98ff98 lemonyellow=fff44f jadegreen=00a86b
rose=ff007f ruby=e0115f rust=b7410e sand=c2b280 sapphire=0f52ba scarlet=ff2400 taupe=483c32 vermilion=e34234
"""


def _table(text: str) -> dict[str, Rgb]:
    pairs = (entry.split("=") for entry in text.split())
    return {name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for name, code in pairs}


CSS_COLORS: dict[str, Rgb] = _table(_CSS)
_NAMES: dict[str, Rgb] = _table(_ENGLISH) | CSS_COLORS

_UNCHANGED = frozenset(("pure", "solid", "plain", "bright", "vivid", "full", "flat", "true", "strong", "medium"))
_WHITE: Rgb = (255, 255, 255)
_BLACK: Rgb = (0, 0, 0)
#: Modifier -> (towards which colour, how far).
_TOWARDS: dict[str, tuple[Rgb, float]] = {
    "light": (_WHITE, 0.5),
    "pale": (_WHITE, 0.5),
    "pastel": (_WHITE, 0.67),
    "dark": (_BLACK, 0.45),
    "deep": (_BLACK, 0.45),
}
_MUTING = frozenset(("dull", "muted"))

_NUMBERS = r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*"
#: One colour code, wherever it stands; used by the readers of sentences and maps too.
CODE = rf"(?:#[0-9a-fA-F]{{6}}\b|#[0-9a-fA-F]{{3}}\b|(?:[rR][gG][bB]\s*)?[(\[<]{_NUMBERS}[)\]>])".replace(
    r"(\d", r"(?:\d"
)
_HEX = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_TRIPLE = re.compile(_NUMBERS)
_CODE = re.compile(CODE)


def color_from_text(text: str) -> Rgb:
    """The one colour that `text` names; InstructionError when there is none, more than one, or no such colour."""
    said = " ".join(text.split()).strip(" \"'.,;")
    codes = _CODE.findall(said)
    if len(codes) > 1:
        raise InstructionError(f"{text!r} is ambiguous: it has {len(codes)} colour codes, say one")
    if codes:
        return _from_code(codes[0])
    if _TRIPLE.fullmatch(said):
        return _from_code(said)
    color = _from_words(said)
    if color is None and " or " in said:
        raise InstructionError(f"colour {said!r} is ambiguous: say one colour")
    if color is None:
        raise _unknown(said)
    return color


def is_color(text: str) -> bool:
    """Whether `text` is a colour and nothing else; cheap, for readers who look for colours among other words."""
    said = " ".join(text.split()).strip(" \"'.,;")
    name = re.sub(r"^(?:the )?colou?r$", "", _CODE.sub("", said, count=1).strip(" ()"), flags=re.IGNORECASE)
    return _from_words(name) is not None if name else _CODE.search(said) is not None


def color_to_text(color: Rgb) -> str:
    """#RRGGBB: exact, and the same for every colour."""
    return "#{:02X}{:02X}{:02X}".format(*color)


def _from_code(code: str) -> Rgb:
    hexadecimal = _HEX.fullmatch(code)
    if hexadecimal:
        digits = hexadecimal[1] if len(hexadecimal[1]) == 6 else "".join(2 * d for d in hexadecimal[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    match = _TRIPLE.search(code)
    assert match is not None  # both callers matched it
    r, g, b = (int(number) for number in match.groups())
    if max(r, g, b) > 255:
        raise InstructionError(f"colour {code} must have channels from 0 to 255")
    return r, g, b


def _from_words(said: str) -> Rgb | None:
    words = re.findall(r"[a-z]+", said.lower().replace("colour", " ").replace("color", " "))
    words = words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words
    if not words or re.search(r"[^\w\s\-_']|\d", said):
        return None
    while len(words) > 1 and words[0] in _UNCHANGED:
        words = words[1:]
    joined = "".join(words)
    if joined in _NAMES:
        return _NAMES[joined]
    *modifiers, base = words
    color = _NAMES.get(base) or _ish(base)
    for modifier in reversed(modifiers):
        color = None if color is None else _modified(color, modifier)
    return color


def _modified(color: Rgb, modifier: str) -> Rgb | None:
    if modifier in _UNCHANGED:
        return color
    if modifier in _MUTING:
        grey = round(sum(color) / 3)
        return _mixed(color, (grey, grey, grey), 0.5)
    if modifier in _TOWARDS:
        return _mixed(color, *_TOWARDS[modifier])
    hint = _ish(modifier)
    if hint is not None:
        return _mixed(color, hint, 1 / 3)
    return _mixed(color, _NAMES[modifier], 0.5) if modifier in _NAMES else None


def _ish(word: str) -> Rgb | None:
    """pinkish -> pink, bluish -> blue, reddish -> red."""
    if not word.endswith("ish"):
        return None
    stem = word.removesuffix("ish")
    for name in (stem, stem + "e", stem[:-1]):
        if name in _NAMES:
            return _NAMES[name]
    return None


def _mixed(color: Rgb, other: Rgb, share: float) -> Rgb:
    r, g, b = (round(c + (o - c) * share) for c, o in zip(color, other, strict=True))
    return r, g, b


def _unknown(said: str) -> InstructionError:
    near = difflib.get_close_matches(said.lower().replace(" ", "")[:40], _NAMES, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "use a CSS name, #RRGGBB or (r, g, b)"
    return InstructionError(f"unknown colour {said!r}: {hint}")
