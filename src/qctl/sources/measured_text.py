"""Numbers in texts as devices write them for people: with a decimal comma, or with a unit.

Only what cannot be anything else is a number: `1,234` may be a thousand, and `5A` an id.
"""

from __future__ import annotations

import re

UNITS = frozenset(
    (
        *("°C", "C", "℃", "°F", "F", "K", "°", "deg", "%", "%RH", "% RH", "%rF"),
        *("hPa", "Pa", "kPa", "MPa", "mbar", "bar", "mmHg", "inHg", "psi"),
        *("V", "mV", "kV", "A", "mA", "W", "mW", "kW", "MW", "VA", "kVA", "var", "Wh", "kWh", "MWh", "Ah", "mAh"),
        *("Hz", "kHz", "MHz", "GHz", "rpm", "dB", "dBm", "lx", "lux", "lm", "Ω", "kΩ", "Ohm", "S/m", "µS/cm"),
        *("ppm", "ppb", "µg/m³", "ug/m3", "mg/m³", "mg/m3", "µg/m3", "g/m³", "g/m3", "pH", "NTU"),
        *("m", "mm", "cm", "km", "in", "ft", "mi", "m²", "m³", "m3", "l", "L", "ml", "gal"),
        *("m/s", "km/h", "mph", "kn", "m³/h", "m3/h", "l/h", "l/min", "L/min", "mm/h", "W/m²", "W/m2"),
        *("g", "kg", "mg", "t", "lb", "s", "ms", "µs", "min", "h", "d", "B", "kB", "MB", "GB", "KiB", "MiB", "GiB"),
    )
)
"""Units that a text may end with. A text with any other word stays text."""

MAX_TEXT_CHARACTERS = 64
"""Length of a text that is looked at; a longer one is no measurement."""

_COMMA = re.compile(r"[+-]?(0|[1-9][0-9]{0,14}),([0-9]{1,20})")
_MEASURED = re.compile(r"([+-]?(?:0|[1-9][0-9]{0,14})(?:[.,][0-9]{1,20})?)([ \u00a0\u202f]?)(\S(?:.{0,8}\S)?)")


def number_with_comma(text: str) -> float | None:
    """The number in `21,5`. None if there is none, or if the comma may separate thousands: `1,234`, `21,500`."""
    match = _COMMA.fullmatch(text)
    if not match or (len(match[2]) == 3 and match[1] != "0" and len(match[1]) <= 3):
        return None
    return float(text.replace(",", "."))


def split_unit(text: str) -> tuple[int | float, str] | None:
    """The number and the unit in `1013.25 hPa`; None if the text is not of this form.

    Without a space it needs a unit that no id has (`55%`, `21°C`) or decimals (`21.5C`).
    """
    text = text.strip()
    if len(text) > MAX_TEXT_CHARACTERS or not text[-1:] or text[-1:].isdigit():
        return None
    match = _MEASURED.fullmatch(text)
    if not match or match[3] not in UNITS:
        return None
    number, space, unit = match.groups()
    if not (space or unit[0] in "°℃%" or "." in number or "," in number):
        return None
    if "," in number:
        value = number_with_comma(number)
        return None if value is None else (value, unit)
    return (float(number) if "." in number else int(number)), unit
